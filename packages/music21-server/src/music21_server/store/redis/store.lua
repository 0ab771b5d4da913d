-- The store of scores. Redis runs one call at a time and whole: each is one step for all servers that share it.
--
-- Keys, after the prefix; those of a score expire by themselves a while after its lifetime, should all servers
-- be gone by then:
--   uses           sorted set: owner and name, by the last use
--   owner:<owner>  hash: a name's moment of storing and its content
--   content:<id>   hash: kind, info, size, checksum, entry
--   names:<id>     set: owners and names that stand for a content
--   contents       hash: sizes by content
--   freed          hash: why a score is gone, by owner and name; freed-at has them by time
--   since          when this store began: another one means that what the last one held is lost
--
-- Each call answers: since, how many were freed for their lifetime, for room, and as damaged; then what it has
-- to say, a word first.

local call, prefix, now, lifetime_s, lifetime_reason, damaged_reason =
  ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
if now == '' then
  local time = redis.call('TIME')
  now = string.format('%d.%06d', time[1], time[2])
end

local MOST_REASONS, AT_ONCE = 1000, 500
local USES, CONTENTS, FREED, FREED_AT, SINCE =
  prefix .. 'uses', prefix .. 'contents', prefix .. 'freed', prefix .. 'freed-at', prefix .. 'since'
local LEAVE_S = math.min(math.ceil(lifetime_s) + 3600, 1e9)

local freed = {lifetime = 0, room = 0, damaged = 0}

local function owner_key(owner) return prefix .. 'owner:' .. owner end
local function content_key(id) return prefix .. 'content:' .. id end
local function names_key(id) return prefix .. 'names:' .. id end
local function place_of(owner, name) return owner .. '\0' .. name end
local function parted(place) return string.match(place, '^(%Z*)%z(%Z*)$') end
local function keep(...)
  for _, key in ipairs({...}) do redis.call('EXPIRE', key, LEAVE_S) end
end

local function reply(...)
  local since = redis.call('GET', SINCE)
  if not since then
    since = now
    redis.pcall('SET', SINCE, since, 'EX', LEAVE_S) -- refused when memory is full: the next one tries again
  end
  return {since, freed.lifetime, freed.room, freed.damaged, ...}
end

-- What a name stands for: the moment of storing and the content; nothing for what is no such record.
local function parsed(record)
  if record then return string.match(record, '^([%d.e+]+) (%x+)$') end
end

local function found(owner, name)
  return parsed(redis.call('HGET', owner_key(owner), name))
end

-- The last use, and whether it is known; one that Redis has dropped, or somebody removed, is now.
local function last_use(owner, name)
  local used = redis.call('ZSCORE', USES, place_of(owner, name))
  return tonumber(used or now), used ~= false
end

local function size_of(id) return tonumber(redis.call('HGET', CONTENTS, id)) or 0 end

local function before(moment_s) return '(' .. string.format('%.17g', moment_s) end

local function drop(id)
  redis.call('UNLINK', content_key(id), names_key(id))
  redis.call('HDEL', CONTENTS, id)
end

local function remember(place, reason)
  redis.call('HSET', FREED, place, reason)
  redis.call('ZADD', FREED_AT, now, place)
  keep(FREED, FREED_AT)
  local over = redis.call('ZCARD', FREED_AT) - MOST_REASONS
  if over > 0 then
    local oldest = redis.call('ZPOPMIN', FREED_AT, over)
    for at = 1, #oldest, 2 do redis.call('HDEL', FREED, oldest[at]) end
  end
end

local function free(owner, name, reason)
  local place = place_of(owner, name)
  local _, id = found(owner, name)
  if id then redis.call('SREM', names_key(id), place) end -- first, for it may be of another type
  redis.call('HDEL', owner_key(owner), name)
  redis.call('ZREM', USES, place)
  if id and redis.call('SCARD', names_key(id)) == 0 then drop(id) end
  if reason then remember(place, reason) end
end

local function free_places(places, reason)
  for _, place in ipairs(places) do
    local owner, name = parted(place)
    if owner then free(owner, name, reason) else redis.call('ZREM', USES, place) end
  end
  return #places
end

local function free_expired()
  local places = redis.call('ZRANGEBYSCORE', USES, '-inf', before(now - lifetime_s), 'LIMIT', 0, AT_ONCE)
  freed.lifetime = freed.lifetime + free_places(places, lifetime_reason)
end

local function free_content(id)
  freed.damaged = freed.damaged + free_places(redis.call('SMEMBERS', names_key(id)), damaged_reason)
  drop(id)
end

local function unknown(owner, name)
  local reason = redis.call('HGET', FREED, place_of(owner, name)) or ''
  local said = reply('unknown', reason)
  for _, other in ipairs(redis.call('HKEYS', owner_key(owner))) do table.insert(said, other) end
  return said
end

local calls = {}

-- Where a score is, and that it is used.
function calls.get(owner, name, touch_s)
  local _, id = found(owner, name)
  local used, is_noted = last_use(owner, name)
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
  if now - used >= tonumber(touch_s) or not is_noted then
    redis.pcall('ZADD', USES, now, place_of(owner, name)) -- refused when memory is full: reading goes on
    keep(USES, CONTENTS, owner_key(owner), content_key(id), names_key(id))
  end
  return reply('found', id, checksum)
end

-- Which scores would have to go, those unused for longest first; and how many of what there would be then.
local function room_for(id, size, grace_s, max_scores, max_bytes)
  local names, bytes = redis.call('ZCARD', USES) + 1, size
  local sizes = redis.call('HGETALL', CONTENTS)
  for at = 1, #sizes, 2 do
    if sizes[at] ~= id then bytes = bytes + tonumber(sizes[at + 1]) end
  end
  local going, names_left, offset = {}, {}, 0
  while names > max_scores or bytes > max_bytes do
    local unused = redis.call('ZRANGEBYSCORE', USES, '-inf', before(now - grace_s), 'LIMIT', offset, AT_ONCE)
    for _, place in ipairs(unused) do
      if names <= max_scores and bytes <= max_bytes then break end
      table.insert(going, place)
      names = names - 1
      local owner, name = parted(place)
      local _, other = found(owner or '', name or '')
      if other then
        names_left[other] = (names_left[other] or redis.call('SCARD', names_key(other))) - 1
        if names_left[other] == 0 and other ~= id then bytes = bytes - size_of(other) end
      end
    end
    if #unused < AT_ONCE then break end
    offset = offset + AT_ONCE
  end
  return names, bytes, going, names_left[id] == 0
end

-- Name a content; answers `content` when its entry has to be sent along.
function calls.put(owner, name, made_name, id, checksum, kind, info, size, grace_s, room_reason,
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
    name = same or made_name
    local number = 1
    while not same and contents[name] do
      number = number + 1
      name = made_name .. '-' .. number
    end
  elseif contents[name] and contents[name] ~= id then
    return reply('taken')
  end

  local going, goes_too = {}, false
  if not contents[name] then
    if names > tonumber(max_scores_per_owner) then return reply('full', 'max_scores_per_owner', names) end
    if bytes > tonumber(max_bytes_per_owner) then return reply('full', 'max_stored_bytes_per_owner', bytes) end
    names, bytes, going, goes_too =
      room_for(id, size, tonumber(grace_s), tonumber(max_scores), tonumber(max_bytes))
    if names > tonumber(max_scores) then return reply('full', 'max_scores', names) end
    if bytes > tonumber(max_bytes) then return reply('full', 'max_stored_bytes', bytes) end
  end

  redis.call('SCARD', names_key(id))
  local is_known = redis.call('HGET', content_key(id), 'checksum') == checksum and not goes_too
  if not is_known and entry == '' then return reply('content') end
  freed.room = free_places(going, room_reason)
  if not is_known then
    redis.call('HSET', content_key(id),
      'kind', kind, 'info', info, 'size', size, 'checksum', checksum, 'entry', entry)
    redis.call('HSET', CONTENTS, id, size)
  end
  local created = found(owner, name)
  if not created then
    created = now
    redis.call('HSET', owner_key(owner), name, created .. ' ' .. id)
  end
  redis.call('ZADD', USES, now, place_of(owner, name))
  redis.call('SADD', names_key(id), place_of(owner, name))
  keep(USES, CONTENTS, SINCE, owner_key(owner), content_key(id), names_key(id))
  return reply('stored', name, created, now)
end

-- Name, moment of storing, content, last use, kind, info and size of each score.
function calls.scores(owner)
  local listed = reply('scores')
  local records = redis.call('HGETALL', owner_key(owner))
  for at = 1, #records, 2 do
    local created, id = parsed(records[at + 1])
    local used = last_use(owner, records[at])
    local facts = id and redis.call('HMGET', content_key(id), 'kind', 'info', 'size')
    if facts and facts[1] and facts[2] and facts[3] and used >= now - lifetime_s then
      local row = {records[at], created, id, string.format('%.17g', used), facts[1], facts[2], facts[3]}
      for _, value in ipairs(row) do table.insert(listed, value) end
    end
  end
  return listed
end

function calls.delete(owner, name, reason)
  free_expired()
  if not found(owner, name) then return unknown(owner, name) end
  free(owner, name, reason)
  return reply('deleted')
end

function calls.delete_all(owner)
  free_expired()
  local names = redis.call('HKEYS', owner_key(owner))
  for _, name in ipairs(names) do free(owner, name) end
  for _, place in ipairs(redis.call('ZRANGE', FREED_AT, 0, -1)) do
    if parted(place) == owner then
      redis.call('ZREM', FREED_AT, place)
      redis.call('HDEL', FREED, place)
    end
  end
  return reply('deleted', #names)
end

-- Take the names of a content away that cannot be read.
function calls.give_up(id)
  free_content(id)
  return reply('deleted')
end

-- Whether every content is there, every name stands for one, and none is missing.
local function is_whole()
  local names = 0
  for _, id in ipairs(redis.call('HKEYS', CONTENTS)) do
    local own = redis.call('SCARD', names_key(id))
    if own == 0 or redis.call('EXISTS', content_key(id)) == 0 then return false end
    names = names + own
  end
  return names == redis.call('ZCARD', USES)
end

-- Put right what Redis has dropped on its own account, or somebody removed: from what is left.
local function repair()
  for _, id in ipairs(redis.call('HKEYS', CONTENTS)) do
    for _, place in ipairs(redis.call('SMEMBERS', names_key(id))) do
      local owner, name = parted(place)
      local _, own = found(owner or '', name or '')
      if own ~= id then
        redis.call('SREM', names_key(id), place)
      elseif not redis.call('ZSCORE', USES, place) then
        redis.call('ZADD', USES, now, place)
      end
    end
  end
  for _, place in ipairs(redis.call('ZRANGE', USES, 0, -1)) do
    local owner, name = parted(place)
    local _, id = found(owner or '', name or '')
    local size = id and redis.call('HGET', content_key(id), 'size')
    if size then
      redis.call('SADD', names_key(id), place)
      redis.call('HSET', CONTENTS, id, size)
      keep(names_key(id))
    else
      freed.damaged = freed.damaged + free_places({place}, damaged_reason)
    end
  end
  for _, id in ipairs(redis.call('HKEYS', CONTENTS)) do
    if redis.call('SCARD', names_key(id)) == 0 or redis.call('EXISTS', content_key(id)) == 0 then drop(id) end
  end
end

-- Free what was not used for its lifetime, so many at once.
function calls.sweep()
  free_expired()
  if freed.lifetime < AT_ONCE then
    if not is_whole() then repair() end
    keep(USES, CONTENTS, FREED, FREED_AT, SINCE)
  end
  return reply(freed.lifetime < AT_ONCE and 'clean' or 'more', freed.lifetime)
end

function calls.figures()
  local owners, owner_count, bytes = {}, 0, 0
  for _, place in ipairs(redis.call('ZRANGE', USES, 0, -1)) do
    local owner = parted(place) or ''
    if not owners[owner] then owners[owner], owner_count = true, owner_count + 1 end
  end
  for _, size in ipairs(redis.call('HVALS', CONTENTS)) do bytes = bytes + tonumber(size) end
  return reply('figures',
    redis.call('ZCARD', USES), redis.call('HLEN', CONTENTS), owner_count, string.format('%.0f', bytes))
end

-- Give keys that are of another type than ours another name, and return their names.
function calls.put_aside(owner, id)
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
  local aside = {}
  for key, wanted in pairs(types) do
    local came = redis.call('TYPE', key).ok
    if came ~= 'none' and came ~= wanted then
      redis.call('RENAME', key, prefix .. 'damaged:' .. string.sub(key, #prefix + 1))
      keep(prefix .. 'damaged:' .. string.sub(key, #prefix + 1))
      table.insert(aside, key)
    end
  end
  return aside
end

-- What goes wrong halfway is not taken back: keys of another type are found before anything is written.
if call ~= 'put_aside' then
  redis.call('ZCARD', USES)
  redis.call('HLEN', CONTENTS)
  redis.call('HLEN', FREED)
  redis.call('ZCARD', FREED_AT)
  redis.call('GET', SINCE)
end
return calls[call](unpack(ARGV, 7))
