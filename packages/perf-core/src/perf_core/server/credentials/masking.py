"""Masking of secrets in everything that is shown or written: messages, commands, URLs, logs.

Known secrets are replaced wherever they stand. What a user types is searched for what looks like a secret:
the password of a URL, ``--api-key …`` in a command, a variable named ``…_TOKEN``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

from perf_core.errors import LabError

MASK = "***"

CUT = "\N{HORIZONTAL ELLIPSIS}"
"""Stands where a text was cut: what is left of a secret before it is masked, too."""

SHORTEST_SECRET = 4
"""Characters of the shortest text that is masked: a shorter one is found in ordinary words."""

_SHORTEST_NUMBER = 6
"""Digits of the shortest number that is taken for a secret."""

_SWITCHES = frozenset({"true", "false", "none", "null", "yes", "no", "on", "off", "auto"})
"""Values that are never secrets: they are in every other answer."""

_SECRET_NAME = re.compile(
    r"(?:^|[^a-z])(?:api|access|auth|private|secret|signing|subscription|master|account)?[-_. ]?key$"
    r"|apikey|accesskey|tokens?(?![a-z])|secret|passw(?:or)?d|passwd|passphrase|credential|authorization"
    r"|cookie|bearer|(?:^|[-_.])(?:auth|pwd|pat|sig|signature|dsn|sas)$",
    re.IGNORECASE,
)
"""Names of headers, variables, options and query parameters whose values are secrets."""

_NO_SECRET_NAME = re.compile(
    r"(?:^|[-_])(?:max|min|num|count|limit|file|path|dir|url|uri|endpoint|type|name|env)s?$"
    r"|max[-_]?tokens|token[-_]?(?:url|limit|count|endpoint)",
    re.IGNORECASE,
)

_SECRET_VALUE = re.compile(
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic, Stripe
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\bglpat-[A-Za-z0-9_-]{16,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|\bAKIA[A-Z0-9]{16}\b"
    r"|\bAIza[A-Za-z0-9_-]{30,}"
    # JSON Web Token; without a limit, the time for a text of many beginnings would grow with its square.
    r"|\beyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
)

_USERINFO = re.compile(
    # Up to the last @ of the host, since passwords are typed as they are.
    r"(?<=://)([^/@\s:?#]*):([^/\s?#]*|[^/@\s]*)(?=@)"
)
_TYPED_USERINFO = re.compile(
    # Up to the last @, since passwords are typed as they are. Digits before a slash are a port.
    r"^(\s*(?:[A-Za-z][A-Za-z0-9+.-]*:/+)?+[^/@\s:?#]*):(?!\d{1,5}[/?#]).*(?=@)",
    re.DOTALL,
)
_QUERY_VALUE = re.compile(r"([?&;])([^?=&;\s#]+)=([^&;\s#\"']+)")
_REFERENCES = re.compile(r"(?:\$\{\w+\})+", re.ASCII)
_ASSIGNMENT = re.compile(r"^(-{0,2}[A-Za-z][A-Za-z0-9_.-]*)=(.+)$", re.DOTALL)
_HEADER = re.compile(r"^(?:-H)?([A-Za-z][A-Za-z0-9-]*):\s*(.+)$", re.DOTALL)
_SCHEME_AND_TOKEN = re.compile(r"[A-Za-z][A-Za-z-]* (\S+)")


def looks_secret(name: str) -> bool:
    """Return whether the value of a header, variable, option or parameter of this name is a secret.

    Example::

        looks_secret("X-Api-Key")      # True
        looks_secret("--max-tokens")   # False
    """
    bare = name.strip("-")
    return bool(_SECRET_NAME.search(bare)) and not _NO_SECRET_NAME.search(bare)


def masked(text: str, secrets: Sequence[str]) -> str:
    """Return a text with every secret replaced, also where it is encoded for a URL or within JSON."""
    forms = _forms(tuple(secrets))
    for form in forms:
        if form in text:
            text = text.replace(form, MASK)
    return _without_halves(text, forms) if CUT in text else text


def cut(text: str, longest: int) -> str:
    """Return the beginning of a text that is too long, so that :func:`masked` finds a secret that was cut.

    Example::

        masked(cut("the key is opensesame", 16), ["opensesame"])   # "the key is ***…"
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}{CUT}"


def _without_halves(text: str, forms: Sequence[str]) -> str:
    """Mask the beginnings of secrets that were cut."""
    whole, *further = text.split(CUT)
    parts = [whole]
    for part in further:
        begins = [begin for form in forms if (begin := _begin_of_half(parts[-1], form)) is not None]
        if begins:
            parts[-1] = parts[-1][: min(begins)] + MASK
        parts.append(part)
    return CUT.join(parts)


def _begin_of_half(text: str, form: str) -> int | None:
    """Return where the beginning of a secret begins with which a text ends."""
    head = form[:SHORTEST_SECRET]
    begin = text.find(head, max(0, len(text) - len(form)))
    while begin >= 0 and not form.startswith(text[begin:]):
        begin = text.find(head, begin + 1)
    return begin if begin >= 0 else None


@lru_cache(maxsize=16)  # a log is masked line by line
def _forms(secrets: tuple[str, ...]) -> list[str]:
    """Return the forms in which secrets may stand in a text, the longest first."""
    forms = {
        form
        for secret in secrets
        if len(secret) >= SHORTEST_SECRET and secret.lower() not in _SWITCHES
        for form in (
            secret,
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
        )
    }
    return sorted(forms, key=len, reverse=True)


def masked_url(url: str, *, has_references: bool = False) -> str:
    """Return a URL without its password and without parts that look secret.

    Args:
        has_references: Whether ``${NAME}`` in it stands for a variable, and is kept.
    """

    def query_value(match: re.Match[str]) -> str:
        is_kept = not looks_secret(match[2]) or (has_references and _REFERENCES.fullmatch(match[3]))
        return match[0] if is_kept else f"{match[1]}{match[2]}={MASK}"

    def password(match: re.Match[str]) -> str:
        is_kept = has_references and _REFERENCES.fullmatch(match[2])
        return match[0] if is_kept else f"{match[1]}:{MASK}"

    return _SECRET_VALUE.sub(MASK, _QUERY_VALUE.sub(query_value, _USERINFO.sub(password, url)))


def masked_word(word: str) -> str:
    """Return a word that was typed for a URL without its password, even if its scheme is missing or wrong.

    Example::

        masked_word("me:opensesame@127.0.0.1:9/mcp")   # "me:***@127.0.0.1:9/mcp"
    """
    return masked_url(_TYPED_USERINFO.sub(rf"\1:{MASK}", word))


def masked_command(argv: Sequence[str]) -> list[str]:
    """Return a command whose secret-looking arguments are masked.

    Example::

        masked_command(["server", "--api-key", "k1", "TOKEN=t1"])
        # ["server", "--api-key", "***", "TOKEN=***"]
    """
    secrets = set(secrets_in_command(argv))
    return [_masked_argument(argument, secrets) for argument in argv]


def _masked_argument(argument: str, secrets: Set[str]) -> str:
    name, equals, value = argument.partition("=")
    if argument in secrets:
        return MASK
    if equals and value in secrets:
        return f"{masked_url(name)}={MASK}"
    return masked_url(masked(argument, tuple(secrets)))


def secrets_in_command(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the texts of a command that look like secrets, as far as names and formats show them."""
    # "$NAME" names a variable and shows nothing of its value.
    return tuple(dict.fromkeys(text for text in _secrets_in(argv) if text[:1] != "$" and _is_secret(text)))


def _secrets_in(argv: Sequence[str]) -> Iterator[str]:
    previous = ""
    for argument in argv:
        is_option = argument.startswith("-")
        if not is_option and previous.startswith("-") and "=" not in previous and looks_secret(previous):
            yield from _with_parts(argument)
        else:
            yield from _secrets_in_word(argument)
        yield from (match[0] for match in _SECRET_VALUE.finditer(argument))
        yield from secrets_in_url(argument)
        previous = argument


def _secrets_in_word(word: str) -> Iterator[str]:
    """Yield the secrets in an argument by itself: an assignment, a header, JSON, or a whole command."""
    assigned, header = _ASSIGNMENT.match(word), _HEADER.match(word)
    if word.startswith(("{", "[")):
        yield from _secrets_in_json(_json(word))
        return
    if header and looks_secret(header[1]):
        yield from _secrets_in_header(header[1], header[2])
        return
    if assigned and looks_secret(assigned[1]):
        yield from _with_parts(assigned[2])
    elif assigned:
        # "--env=API_KEY=k" and "--header=X-Key: k".
        yield from _secrets_in([assigned[2]])
    if len(words := _split(word)) > 1:
        yield from _secrets_in(_options_and_variables(words))


def _options_and_variables(words: Sequence[str]) -> list[str]:
    """Return the options of a command, what follows each, and the assignments before its program.

    Others may be the code of a program, such as ``sorted(names, key=len)``.
    """
    variables = list(takewhile(_ASSIGNMENT.match, words))
    rest = words[len(variables) :]
    return variables + [
        each for before, each in zip(("", *rest), rest, strict=False) if "-" in (before[:1], each[:1])
    ]


def _secrets_in_header(name: str, value: str) -> Iterator[str]:
    """Yield what stands elsewhere, too: the token of "Bearer TOKEN" and the values of cookies."""
    scheme = _SCHEME_AND_TOKEN.fullmatch(value)
    yield scheme[1] if scheme else value
    if name.lower() == "cookie":
        yield from (cookie.partition("=")[2] for cookie in value.split("; "))


def _secrets_in_json(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _secrets_in_json(each, str(key))
    elif isinstance(value, list):
        for each in value:
            yield from _secrets_in_json(each, name)
    elif isinstance(value, str) and looks_secret(name):
        yield value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _split(text: str) -> list[str]:
    """Return the words of a command for a shell; those between blanks if it is none."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _is_secret(value: str) -> bool:
    """Return whether a value may be a secret, unlike that of a switch or a small number."""
    is_switch = value.lower() in _SWITCHES
    return bool(value) and not is_switch and not (value.isdecimal() and len(value) < _SHORTEST_NUMBER)


def _with_parts(text: str) -> Iterator[str]:
    """Yield a text, and the parts of a list such as ``--auth-tokens A,B``."""
    yield text
    if "," in text:
        yield from text.split(",")


def secrets_in_url(url: str) -> tuple[str, ...]:
    """Return what looks secret in a URL, as it stands there and decoded; empty for other texts.

    That is its password, query values with such names, and keys of a known form anywhere in it.
    """
    if "://" not in url:
        return ()
    try:
        parts = urlsplit(url)
        password = parts.password or ""
    except ValueError:
        return ()
    pairs = (pair.partition("=") for pair in parts.query.split("&"))
    values = [value for name, _, value in pairs if looks_secret(unquote_plus(name))]
    texts = [unquote(password), password]
    texts += [form for value in values for form in (unquote_plus(value), value)]
    texts += [match[0] for match in _SECRET_VALUE.finditer(url)]
    return tuple(dict.fromkeys(filter(None, texts)))


def secrets_in_environment(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables whose names or formats look secret."""
    # A shell's PWD is the working folder, which is in every other path.
    named = (value for name, value in variables.items() if looks_secret(name) and name != "PWD")
    shaped = (match[0] for value in variables.values() for match in _SECRET_VALUE.finditer(value))
    in_urls = (text for value in variables.values() for text in secrets_in_url(value))
    return tuple(dict.fromkeys(filter(_is_secret, (*named, *shaped, *in_urls))))


def mask_error(error: LabError, secrets: Sequence[str]) -> None:
    """Replace every secret in the message and the hint of an error."""
    error.message = masked(error.message, secrets)
    error.hint = masked(error.hint, secrets)
    error.args = (error.message,)


@contextmanager
def masked_errors(secrets: Callable[[], Iterable[str]]) -> Iterator[None]:
    """Mask the errors that leave this context, however they came about.

    Args:
        secrets: Called when there is an error: tokens may have been obtained meanwhile.
    """
    try:
        yield
    except LabError as error:
        mask_error(error, tuple(secrets()))
        raise


def mask_file(path: Path, secrets: Sequence[str]) -> None:
    """Replace every secret in a text file, such as a log; a file without any is left alone."""
    forms = _forms(tuple(secrets))
    if not forms or not path.is_file():
        return
    options: Mapping[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    with path.open(**options) as lines:
        if not any(form in line for line in lines for form in forms):
            return
    partial = path.with_name(f"{path.name}.masked")
    with path.open(**options) as lines, partial.open("w", **options) as out:
        out.writelines(masked(line, secrets) for line in lines)
    partial.replace(path)
