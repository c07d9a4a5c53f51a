"""`pogu context …`: named daemons, kept where the docker command keeps them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from pogu.cli import configuration
from pogu.cli.contexts import DEFAULT, Context, Store, check_name
from pogu.cli.invoke import Exit, Failed, Session
from pogu.cli.output import Listing, natural, object_template, print_rows, shortened
from pogu.cli.pflag import argument, command, many, switch, value
from pogu.cli.target import DEFAULT_HOST, current_context, environment_host
from pogu.cli.wrong import WrongValue
from pogu.errors import PoguError

_OVERRIDES = (
    "Warning: {} environment variable overrides the active context. To use {}, "
    "either set the global --context flag, or unset {} environment variable."
)
_DESCRIPTION = value("--description", help="Description of the context")
_DOCKER = many("--docker", "endpoint", metavar="stringToString", help="set the docker endpoint")
_FILES = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}


def _store(session: Session) -> Store:
    return Store(configuration.folder(session.options))


def _default(session: Session) -> Context:
    """Return the context that is not stored: what the options and the environment say."""
    host = session.options.get("host") or environment_host(os.environ) or DEFAULT_HOST
    return Context(DEFAULT, {}, {"Host": host, "SkipTLSVerify": False})


def _load(session: Session, name: str) -> Context:
    return _default(session) if name == DEFAULT else _store(session).load(name)


# --- what there is ---


@command("ls", help="List contexts")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@switch("-q", "--quiet", help="Only show context names")
def list_(session: Session, /, *, form: str | None, quiet: bool) -> None:
    """List the contexts; a star marks the one in force."""
    store, current = _store(session), current_context(session.options)
    names = sorted({*store.names(), DEFAULT, current}, key=natural)
    if quiet:
        print("\n".join(names))
    else:
        table = form in {None, "", "table"}
        print_rows(form, [_row(session, name, current=name == current, mark=table) for name in names], _LISTING)
    if current == DEFAULT and not session.options.get("host"):
        _warn_of_environment("a context")


_LISTING = Listing(
    "{{.Name}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}",
    {"DockerEndpoint": "DOCKER ENDPOINT"},
    kind="*formatter.clientContextContext",
)


def _row(session: Session, name: str, *, current: bool, mark: bool) -> dict[str, Any]:
    row = {"Name": name, "Current": current, "Description": "", "DockerEndpoint": "", "Error": ""}
    try:
        context = _load(session, name)
        description = "Current DOCKER_HOST based configuration" if name == DEFAULT else ""
        row.update(Description=description or context.metadata.get("Description", ""), DockerEndpoint=context.host)
    except PoguError as e:
        row["Error"] = e.message
    if mark:
        row["Name"] = f"{name} *" if current else name
        row["Description"] = shortened(str(row["Description"]), 60)
        row["Error"] = shortened(str(row["Error"]), 45)
    return row


def _warn_of_environment(name: str) -> None:
    for variable in ("POGU_HOST", "DOCKER_HOST"):
        if os.environ.get(variable):
            print(_OVERRIDES.format(variable, name, variable), file=sys.stderr)
            return


@command("show", help="Print the name of the current context")
def show(session: Session, /) -> None:
    """Print the name of the context in force."""
    print(current_context(session.options))


@command("inspect", help="Display detailed information on one or more contexts")
@value("-f", "--format", "form", help="Format output using a template: json, TEMPLATE")
@argument("names", nargs=-1, metavar="[CONTEXT] [CONTEXT...]")
def inspect(session: Session, /, *, names: tuple[str, ...], form: str | None) -> None:
    """Describe contexts, the one in force where none is named."""
    render = object_template(form) if form else None
    found, error = [], None
    for name in names or (current_context(session.options),):
        try:
            found.append(_described(session, name))
        except PoguError as e:
            error = e.message
            break
    if render:
        for described in found:
            print(render(described))
        if not found:
            print()
    else:
        text = json.dumps(found, indent=4, ensure_ascii=False) if found else "[]"
        print(text.replace("<", "\\u003c").replace(">", "\\u003e"))
    if error:
        raise Failed(error)


def _described(session: Session, name: str) -> dict[str, Any]:
    context, store = _load(session, name), _store(session)
    memory = "<IN MEMORY>"
    meta = memory if name == DEFAULT else str(store.meta_folder(name))
    tls = memory if name == DEFAULT else str(store.tls_folder(name))
    return {
        **context.document(),
        "TLSMaterial": {"docker": sorted(context.tls)} if context.tls else {},
        "Storage": {"MetadataPath": meta, "TLSPath": tls},
    }


# --- changes ---


@command("create", help="Create a context")
@_DESCRIPTION
@_DOCKER
@value("--from", "source", help="create context from a named context")
@argument("name", metavar="CONTEXT")
def create(session: Session, /, *, name: str, **given: Any) -> None:
    """Store a daemon's address and certificates under a name."""
    check_name(name)
    store = _store(session)
    if store.exists(name):
        raise Failed(f'context "{name}" already exists')
    if given["source"] and given["endpoint"]:
        raise Failed("cannot use --docker flag when --from is set")
    options = _pairs(given["endpoint"])
    if options:
        context = _configured(session, Context(name, {}, {}), options)
    else:
        context = _copied(session, name, given["source"] or current_context(session.options))
    _describe(context, given["description"])
    store.save(context)
    _done(name, "created")


def _copied(session: Session, name: str, source: str) -> Context:
    context = _load(session, source)
    metadata = {"Description": "Current DOCKER_HOST based configuration"} if source == DEFAULT else context.metadata
    return Context(name, metadata, context.endpoint, context.tls)


def _describe(context: Context, text: str | None) -> None:
    if text is not None:
        context.metadata = {**context.metadata, "Description": text} if text else {}


def _done(name: str, what: str) -> None:
    print(name, flush=True)
    print(f'Successfully {what} context "{name}"', file=sys.stderr)


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        for part in text.split(","):
            key, eq, content = part.partition("=")
            if not eq:
                raise WrongValue("--docker", text, f"{part} must be formatted as key=value")
            pairs[key] = content
    return pairs


def _configured(session: Session, context: Context, options: dict[str, str]) -> Context:
    """Return the context with the endpoint that `--docker` describes. Raises Failed in docker's words."""
    try:
        return _endpoint(session, context, options)
    except (PoguError, OSError) as e:
        reason = f"open {e.filename}: {(e.strerror or '').lower()}" if isinstance(e, OSError) else str(e)
        raise Failed(f"unable to create docker endpoint config: {reason}") from e


def _endpoint(session: Session, context: Context, options: dict[str, str]) -> Context:
    for key in options:
        if key not in {"from", "host", "skip-tls-verify", *_FILES}:
            raise PoguError(f"unrecognized config key: {key}")
    if options.get("from"):
        source = _load(session, options["from"])
        return Context(context.name, context.metadata, source.endpoint, source.tls)
    skip = _truth(options.get("skip-tls-verify", "false"))
    tls = {file: Path(options[key]).read_bytes() for key, file in _FILES.items() if options.get(key)}
    if "ca.pem" in tls and b"-----BEGIN CERTIFICATE-----" not in tls["ca.pem"]:
        raise PoguError("invalid docker endpoint options: failed to retrieve context tls info: ca.pem seems invalid")
    host = {"Host": options["host"]} if options.get("host") else {}
    return Context(context.name, context.metadata, {**host, "SkipTLSVerify": skip}, tls)


def _truth(text: str) -> bool:
    if text in {"1", "t", "T", "TRUE", "true", "True"}:
        return True
    if text in {"0", "f", "F", "FALSE", "false", "False"}:
        return False
    raise PoguError(f'skip-tls-verify: parsing "{text}": invalid syntax')


@command("update", help="Update a context")
@_DESCRIPTION
@_DOCKER
@argument("name", metavar="CONTEXT")
def update(session: Session, /, *, name: str, **given: Any) -> None:
    """Change a context's description or daemon."""
    check_name(name)
    store = _store(session)
    context = store.load(name)
    options = _pairs(given["endpoint"])
    if options:
        context = _configured(session, context, options)
    _describe(context, given["description"])
    store.save(context)
    _done(name, "updated")


@command("use", help="Set the current docker context")
@argument("name", metavar="CONTEXT")
def use(session: Session, /, *, name: str) -> None:
    """Make a context the one in force for both commands."""
    if name != DEFAULT:
        check_name(name)
        _store(session).load(name)
    configuration.change(configuration.folder(session.options), "currentContext", None if name == DEFAULT else name)
    print(name, flush=True)
    print(f'Current context is now "{name}"', file=sys.stderr)
    if name != DEFAULT:
        _warn_of_environment(f'"{name}"')


@command("rm", help="Remove one or more contexts", bare=True)
@switch("-f", "--force", help="Force the removal of a context in use")
@argument("names", nargs=-1, required=True, metavar="CONTEXT [CONTEXT...]")
def remove(session: Session, /, *, names: tuple[str, ...], force: bool) -> None:
    """Remove contexts."""
    store, current = _store(session), current_context(session.options)
    place = configuration.folder(session.options)
    errors = []
    for name in names:
        try:
            _remove(store, name, current, force=force)
        except PoguError as e:
            if force and not store.exists(name) and name != DEFAULT:
                print(name)
            else:
                errors.append(e.message)
            continue
        if configuration.load(place).get("currentContext") == name:
            configuration.change(place, "currentContext", None)
        print(name, flush=True)
    for error in errors:
        print(error, file=sys.stderr)
    if errors:
        raise Exit(1)


def _remove(store: Store, name: str, current: str, *, force: bool) -> None:
    if name == DEFAULT:
        raise PoguError(f'context "{DEFAULT}" cannot be removed')
    if not store.exists(name):
        raise PoguError(f'context "{name}" does not exist')
    if name == current and not force:
        raise PoguError(f'context "{name}" is in use, set -f flag to force remove')
    store.remove(name)
