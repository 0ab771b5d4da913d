-- The score store. Redis runs each call atomically, so it is one step for all servers that share the store.
--
-- Keys, after the prefix; they expire an hour after the lifetime of the scores, in case no server is left to
-- sweep them:
--   uses           sorted set: owner and name, by time of the last recorded use
--   owner:<owner>  hash: name -> time of storing and content id
--   content:<id>   hash: kind, info, size, checksum, entry
--   names:<id>     set: owners and names that refer to a content
--   contents       hash: content id -> size
--   freed          hash: owner and name -> reason for freeing the score
--   freed-at       sorted set: the same owners and names, by time
--   since          time at which this store was created; a new value means that the previous data is lost
--
-- Reply of each call: since; the numbers of scores freed for their lifetime, for room, and as damaged; a status
-- word; then the values of the call.

local call, prefix, now, lifetime_s, lifetime_reason, damaged_reason =
  ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
if now == '' then
  local time = redis.call('TIME')
  now = string.format('%d.%06d', time[1], time[2])
end

local MAX_REASONS, BATCH = 1000, 500
local USES, CONTENTS, FREED, FREED_AT, SINCE =
  prefix .. 'uses', prefix .. 'contents', prefix .. 'freed', prefix .. 'freed-at', prefix .. 'since'
local EXPIRE_S = math.min(math.ceil(lifetime_s) + 3600, 1e9)

local freed = {lifetime = 0, room = 0, damaged = 0}

local function owner_key(owner) return prefix .. 'owner:' .. owner end
local function content_key(id) return prefix .. 'content:' .. id end
local function names_key(id) return prefix .. 'names:' .. id end
local function place_of(owner, name) return owner .. '\0' .. name end
local function split(place) return string.match(place, '^(%Z*)%z(%Z*)$') end
local function extend(...)
  for _, key in ipairs({...}) do redis.call('EXPIRE', key, EXPIRE_S) end
end

local function reply(...)
  local since = redis.call('GET', SINCE)
  if not since then
    since = now
    redis.pcall('SET', SINCE, since, 'EX', EXPIRE_S) -- fails when memory is full; the next call tries again
  end
  return {since, freed.lifetime, freed.room, freed.damaged, ...}
end

-- Return time of storing and content id of a record; nothing if it is malformed.
local function parsed(record)
  if record then return string.match(record, '^([%d.e+]+) (%x+)$') end
end

local function lookup(owner, name)
  return parsed(redis.call('HGET', owner_key(owner), name))
end

-- Return the time of the last use and whether it is recorded; now, if Redis or somebody dropped the record.
local function last_use(owner, name)
  local used = redis.call('ZSCORE', USES, place_of(owner, name))
  return tonumber(used or now), used ~= false
end

local function size_of(id) return tonumber(redis.call('HGET', CONTENTS, id)) or 0 end

local function before(time_s) return '(' .. string.format('%.17g', time_s) end

local function drop(id)
  redis.call('UNLINK', content_key(id), names_key(id))
  redis.call('HDEL', CONTENTS, id)
end

local function record_reason(place, reason)
  redis.call('HSET', FREED, place, reason)
  redis.call('ZADD', FREED_AT, now, place)
  extend(FREED, FREED_AT)
  local excess = redis.call('ZCARD', FREED_AT) - MAX_REASONS
  if excess > 0 then
    local oldest = redis.call('ZPOPMIN', FREED_AT, excess)
    for at = 1, #oldest, 2 do redis.call('HDEL', FREED, oldest[at]) end
  end
end

local function free(owner, name, reason)
  local place = place_of(owner, name)
  local _, id = lookup(owner, name)
  if id then redis.call('SREM', names_key(id), place) end -- first, because it fails if the key has the wrong type
  redis.call('HDEL', owner_key(owner), name)
  redis.call('ZREM', USES, place)
  if id and redis.call('SCARD', names_key(id)) == 0 then drop(id) end
  if reason then record_reason(place, reason) end
end

local function free_places(places, reason)
  for _, place in ipairs(places) do
    local owner, name = split(place)
    if owner then free(owner, name, reason) else redis.call('ZREM', USES, place) end
  end
  return #places
end

local function free_expired()
  local places = redis.call('ZRANGEBYSCORE', USES, '-inf', before(now - lifetime_s), 'LIMIT', 0, BATCH)
  freed.lifetime = freed.lifetime + free_places(places, lifetime_reason)
end

local function free_content(id)
  freed.damaged = freed.damaged + free_places(redis.call('SMEMBERS', names_key(id)), damaged_reason)
  drop(id)
end

local function unknown(owner, name)
  local reason = redis.call('HGET', FREED, place_of(owner, name)) or ''
  local answer = reply('unknown', reason)
  for _, other in ipairs(redis.call('HKEYS', owner_key(owner))) do table.insert(answer, other) end
  return answer
end

local calls = {}

-- Return content id and checksum of a score, and record the use.
function calls.get(owner, name, touch_s)
  local _, id = lookup(owner, name)
  local used, is_recorded = last_use(owner, name)
  if not id or used < now - lifetime_s then
    free_expired()
    return unknown(owner, name)
  end
  local checksum = redis.call('HGET', content_key(id), 'checksum')
  if not checksum then
    free_content(id)
    free_places({place_of(owner, name)}, damaged_reason)
    return unknown(owner, name)
  end
  if now - used >= tonumber(touch_s) or not is_recorded then
    redis.pcall('ZADD', USES, now, place_of(owner, name)) -- fails when memory is full; reading still works
    extend(USES, CONTENTS, owner_key(owner), content_key(id), names_key(id))
  end
  return reply('found', id, checksum)
end

-- Select scores to free for a new one, the longest unused first. Return the numbers of names and bytes after
-- that, the selection, and whether it includes all names of the new content.
local function room_for(id, size, grace_s, max_scores, max_bytes)
  local names, bytes = redis.call('ZCARD', USES) + 1, size
  local sizes = redis.call('HGETALL', CONTENTS)
  for at = 1, #sizes, 2 do
    if sizes[at] ~= id then bytes = bytes + tonumber(sizes[at + 1]) end
  end
  local to_free, names_left, offset = {}, {}, 0
  while names > max_scores or bytes > max_bytes do
    local unused = redis.call('ZRANGEBYSCORE', USES, '-inf', before(now - grace_s), 'LIMIT', offset, BATCH)
    for _, place in ipairs(unused) do
      if names <= max_scores and bytes <= max_bytes then break end
      table.insert(to_free, place)
      names = names - 1
      local owner, name = split(place)
      local _, other = lookup(owner or '', name or '')
      if other then
        names_left[other] = (names_left[other] or redis.call('SCARD', names_key(other))) - 1
        if names_left[other] == 0 and other ~= id then bytes = bytes - size_of(other) end
      end
    end
    if #unused < BATCH then break end
    offset = offset + BATCH
  end
  return names, bytes, to_free, names_left[id] == 0
end

-- Add a name for a content. The status is `content` if the call must be repeated with the entry.
function calls.put(owner, name, generated_name, id, checksum, kind, info, size, grace_s, room_reason,
                   max_scores, max_scores_per_owner, max_bytes, max_bytes_per_owner, entry)
  free_expired()
  size = tonumber(size)
  local contents, sizes, same, names, bytes = {}, {}, nil, 1, size
  local records = redis.call('HGETALL', owner_key(owner))
  for at = 1, #records, 2 do
    local _, content = parsed(records[at + 1])
    contents[records[at]] = content
    if content == id and (not same or records[at] < same) then same = records[at] end
    if content then
      sizes[content] = sizes[content] or size_of(content)
      names, bytes = names + 1, bytes + sizes[content]
    end
  end
  if name == '' then
    name = same or generated_name
    local number = 1
    while not same and contents[name] do
      number = number + 1
      name = generated_name .. '-' .. number
    end
  elseif contents[name] and contents[name] ~= id then
    return reply('taken')
  end

  local to_free, frees_itself = {}, false
  if not contents[name] then
    if names > tonumber(max_scores_per_owner) then return reply('full', 'max_scores_per_owner', names) end
    if bytes > tonumber(max_bytes_per_owner) then return reply('full', 'max_stored_bytes_per_owner', bytes) end
    names, bytes, to_free, frees_itself =
      room_for(id, size, tonumber(grace_s), tonumber(max_scores), tonumber(max_bytes))
    if names > tonumber(max_scores) then return reply('full', 'max_scores', names) end
    if bytes > tonumber(max_bytes) then return reply('full', 'max_stored_bytes', bytes) end
  end

  redis.call('SCARD', names_key(id)) -- fails before the first write if the key has the wrong type
  local is_stored = redis.call('HGET', content_key(id), 'checksum') == checksum and not frees_itself
  if not is_stored and entry == '' then return reply('content') end
  freed.room = free_places(to_free, room_reason)
  if not is_stored then
    redis.call('HSET', content_key(id),
      'kind', kind, 'info', info, 'size', size, 'checksum', checksum, 'entry', entry)
    redis.call('HSET', CONTENTS, id, size)
  end
  local created = lookup(owner, name)
  if not created then
    created = now
    redis.call('HSET', owner_key(owner), name, created .. ' ' .. id)
  end
  redis.call('ZADD', USES, now, place_of(owner, name))
  redis.call('SADD', names_key(id), place_of(owner, name))
  extend(USES, CONTENTS, SINCE, owner_key(owner), content_key(id), names_key(id))
  return reply('stored', name, created, now)
end

-- Return name, time of storing, content id, last use, kind, info and size of each score.
function calls.scores(owner)
  local answer = reply('scores')
  local records = redis.call('HGETALL', owner_key(owner))
  for at = 1, #records, 2 do
    local created, id = parsed(records[at + 1])
    local used = last_use(owner, records[at])
    local content = id and redis.call('HMGET', content_key(id), 'kind', 'info', 'size')
    if content and content[1] and content[2] and content[3] and used >= now - lifetime_s then
      local row = {records[at], created, id, string.format('%.17g', used), content[1], content[2], content[3]}
      for _, value in ipairs(row) do table.insert(answer, value) end
    end
  end
  return answer
end

function calls.delete(owner, name, reason)
  free_expired()
  if not lookup(owner, name) then return unknown(owner, name) end
  free(owner, name, reason)
  return reply('deleted')
end

function calls.delete_all(owner)
  free_expired()
  local names = redis.call('HKEYS', owner_key(owner))
  for _, name in ipairs(names) do free(owner, name) end
  for _, place in ipairs(redis.call('ZRANGE', FREED_AT, 0, -1)) do
    if split(place) == owner then
      redis.call('ZREM', FREED_AT, place)
      redis.call('HDEL', FREED, place)
    end
  end
  return reply('deleted', #names)
end

-- Free the names of a content that cannot be read.
function calls.discard(id)
  free_content(id)
  return reply('deleted')
end

-- Return whether every content exists and has names, and every recorded use belongs to one of these names.
local function is_consistent()
  local names = 0
  for _, id in ipairs(redis.call('HKEYS', CONTENTS)) do
    local count = redis.call('SCARD', names_key(id))
    if count == 0 or redis.call('EXISTS', content_key(id)) == 0 then return false end
    names = names + count
  end
  return names == redis.call('ZCARD', USES)
end

-- Restore keys that Redis evicted or somebody removed, from the keys that are left.
local function repair()
  for _, id in ipairs(redis.call('HKEYS', CONTENTS)) do
    for _, place in ipairs(redis.call('SMEMBERS', names_key(id))) do
      local owner, name = split(place)
      local _, current = lookup(owner or '', name or '')
      if current ~= id then
        redis.call('SREM', names_key(id), place)
      elseif not redis.call('ZSCORE', USES, place) then
        redis.call('ZADD', USES, now, place)
      end
    end
  end
  for _, place in ipairs(redis.call('ZRANGE', USES, 0, -1)) do
    local owner, name = split(place)
    local _, id = lookup(owner or '', name or '')
    local size = id and redis.call('HGET', content_key(id), 'size')
    if size then
      redis.call('SADD', names_key(id), place)
      redis.call('HSET', CONTENTS, id, size)
      extend(names_key(id))
    else
      freed.damaged = freed.damaged + free_places({place}, damaged_reason)
    end
  end
  for _, id in ipairs(redis.call('HKEYS', CONTENTS)) do
    if redis.call('SCARD', names_key(id)) == 0 or redis.call('EXISTS', content_key(id)) == 0 then drop(id) end
  end
end

-- Free scores not used for their lifetime, one batch per call. The status is `more` until none is left.
function calls.sweep()
  free_expired()
  if freed.lifetime < BATCH then
    if not is_consistent() then repair() end
    extend(USES, CONTENTS, FREED, FREED_AT, SINCE)
  end
  return reply(freed.lifetime < BATCH and 'clean' or 'more', freed.lifetime)
end

function calls.figures()
  local owners, owner_count, bytes = {}, 0, 0
  for _, place in ipairs(redis.call('ZRANGE', USES, 0, -1)) do
    local owner = split(place) or ''
    if not owners[owner] then owners[owner], owner_count = true, owner_count + 1 end
  end
  for _, size in ipairs(redis.call('HVALS', CONTENTS)) do bytes = bytes + tonumber(size) end
  return reply('figures',
    redis.call('ZCARD', USES), redis.call('HLEN', CONTENTS), owner_count, string.format('%.0f', bytes))
end

-- Rename keys that have the wrong type, and return their previous names.
function calls.set_aside(owner, id)
  local types = {
    [USES] = 'zset', [CONTENTS] = 'hash', [FREED] = 'hash', [FREED_AT] = 'zset', [SINCE] = 'string',
    [owner_key(owner)] = 'hash',
  }
  local function expect(content) types[content_key(content)], types[names_key(content)] = 'hash', 'set' end
  if id ~= '' then expect(id) end
  if redis.call('TYPE', owner_key(owner)).ok == 'hash' then
    for _, record in ipairs(redis.call('HVALS', owner_key(owner))) do
      local _, content = parsed(record)
      if content then expect(content) end
    end
  end
  if redis.call('TYPE', CONTENTS).ok == 'hash' then
    for _, content in ipairs(redis.call('HKEYS', CONTENTS)) do expect(content) end
  end
  local renamed = {}
  for key, expected in pairs(types) do
    local actual = redis.call('TYPE', key).ok
    if actual ~= 'none' and actual ~= expected then
      redis.call('RENAME', key, prefix .. 'damaged:' .. string.sub(key, #prefix + 1))
      extend(prefix .. 'damaged:' .. string.sub(key, #prefix + 1))
      table.insert(renamed, key)
    end
  end
  return renamed
end

-- Redis does not roll back a script that fails: detect keys of the wrong type before anything is written.
if call ~= 'set_aside' then
  redis.call('ZCARD', USES)
  redis.call('HLEN', CONTENTS)
  redis.call('HLEN', FREED)
  redis.call('ZCARD', FREED_AT)
  redis.call('GET', SINCE)
end
return calls[call](unpack(ARGV, 7))
