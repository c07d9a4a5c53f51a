"""Puts a registry together from its options: storage, access, rules, and the handler that serves it all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pogu.errors import InvalidArgument
from pogu.http import Request
from pogu.registry import options as opts
from pogu.registry.access import Access, OpenAccess
from pogu.registry.addresses import Addresses, parse_external, parse_networks
from pogu.registry.api import Site
from pogu.registry.api.front import Front, Witness
from pogu.registry.audit import AuditLog
from pogu.registry.cache import connect_upstream
from pogu.registry.collection import Collector
from pogu.registry.doors import Door, Doors
from pogu.registry.events import Outbox
from pogu.registry.interlock import Interlock
from pogu.registry.metrics import Metrics
from pogu.registry.options import Options, seconds
from pogu.registry.page import Page
from pogu.registry.patterns import check_pattern
from pogu.registry.quotas import Quota, Quotas
from pogu.registry.repositories import Repositories
from pogu.registry.retention import Retainer, Retention
from pogu.registry.storage import Store
from pogu.registry.storage.directory import DirectoryStore
from pogu.registry.storage.files import make_directories
from pogu.registry.uploads import Uploads
from pogu.registry.webhooks import Hook, Webhooks


@dataclass(slots=True)
class Registry:
    """A registry that is ready to serve. `close` lets go of what it holds, in this order."""

    site: Site
    handler: Doors
    metrics: Metrics
    collector: Collector
    retainer: Retainer | None
    webhooks: Webhooks | None
    closers: list[Callable[[], None]] = field(default_factory=list)

    async def close(self) -> None:
        """Let go of files, threads and the storage."""
        for close in self.closers:
            close()
        await self.site.repositories.store.close()


async def assemble(options: Options) -> Registry:
    """Put a registry together.

    Raises:
        InvalidArgument: options that make no sense.
        Conflict: another process serves the directory.
    """
    root = Path(options.root).absolute()
    make_directories(root)
    addresses = Addresses(
        parse_external(options.external_url) if options.external_url else "",
        options.absolute_urls,
        parse_networks(options.trusted_proxy),
    )
    closers: list[Callable[[], None]] = []
    access, tokens = _access(options, root, addresses, closers)
    audit = AuditLog(Path(options.audit_log), addresses) if options.audit_log else None
    store = await _store(options, root)
    outbox = Outbox()
    repositories = Repositories(store, Interlock(), outbox)
    upstream = connect_upstream(options)
    if upstream is not None:
        closers.append(upstream.close)
    site = Site(
        repositories,
        # Beside the blobs that they become: a file cannot be renamed to another file system.
        Uploads(_directory(options, root) / "uploads"),
        access,
        addresses,
        _quotas(options, repositories),
        upstream,
        max_upload=None if options.max_upload is None else opts.size(options.max_upload, "max-upload"),
        idle_seconds=seconds(options.upload_timeout, "upload-timeout"),
        deletion=options.deletion,
        read_only=options.read_only or bool(options.upstream),
    )
    webhooks = Webhooks(store, outbox, _hooks(options)) if options.webhook else None
    untagged = options.collect_untagged
    collector = Collector(
        repositories,
        seconds(options.collect_grace, "collect-grace"),
        untagged_seconds=None if untagged is None else seconds(untagged, "collect-untagged"),
    )
    metrics = Metrics(site, collector, webhooks)
    witnesses: list[Witness] = [metrics]
    if audit is not None:
        witnesses.append(audit)
        closers.append(audit.close)
    # A browser can give a password, but no token of an issuer that only programs know.
    page = Page(site) if options.page and not options.token_keys else None
    handler = Doors(Front(site, witnesses), tokens, page)
    retainer = Retainer(repositories, _retention(options)) if options.retention else None
    return Registry(site, handler, metrics, collector, retainer, webhooks, closers)


def _directory(options: Options, root: Path) -> Path:
    """Where files are kept on this machine: all of them, or the uploads under way to an object store."""
    return Path(options.storage).absolute() if options.storage and "://" not in options.storage else root


async def _store(options: Options, root: Path) -> Store:
    if "://" not in options.storage:
        return DirectoryStore(_directory(options, root))
    from pogu.registry.storage.objects import open_object_store  # noqa: PLC0415 # obstore is needed only here

    store = open_object_store(options.storage)
    await store.check()
    return store


def _access(
    options: Options, root: Path, addresses: Addresses, closers: list[Callable[[], None]]
) -> tuple[Access, Door | None]:
    _check_access(options)
    if options.token_keys:
        return _external_tokens(options), None
    if not options.htpasswd:
        return OpenAccess(), None
    from pogu.registry.access.basic import BasicAccess  # noqa: PLC0415 # bcrypt is needed only with passwords
    from pogu.registry.access.passwords import Passwords  # noqa: PLC0415
    from pogu.registry.access.rules import Rule, Rules, default_rules  # noqa: PLC0415

    passwords = Passwords(Path(options.htpasswd))
    closers.append(passwords.close)
    rules = [
        Rule(check_pattern(each.repository), frozenset(each.users), frozenset(each.actions)) for each in options.access
    ]
    rulebook = Rules(rules or default_rules(options.anonymous_pull), options.groups)
    basic = BasicAccess(passwords, rulebook, options.realm)
    if not options.token_server:
        return basic, None
    from pogu.registry.access.bearer import BearerAccess  # noqa: PLC0415
    from pogu.registry.access.token_server import TokenServer  # noqa: PLC0415
    from pogu.registry.access.tokens import Signer  # noqa: PLC0415

    issuer = options.token_issuer or "pogu-registry"
    signer = Signer(root / "token-key.json", issuer, options.token_service)

    def realm(request: Request) -> str:
        return options.token_realm or f"{addresses.absolute_base(request)}/token"

    access = BearerAccess(signer.verifier(), options.token_service, realm, basic)
    return access, TokenServer(signer, passwords, rulebook)


def _external_tokens(options: Options) -> Access:
    from pogu.registry.access.bearer import BearerAccess  # noqa: PLC0415 # joserfc is needed only with tokens
    from pogu.registry.access.tokens import Verifier, load_keys  # noqa: PLC0415

    verifier = Verifier(load_keys(Path(options.token_keys)), options.token_service, options.token_issuer)
    return BearerAccess(verifier, options.token_service, lambda _: options.token_realm)


def _check_access(options: Options) -> None:
    if options.token_keys and options.htpasswd:
        raise InvalidArgument("either --htpasswd or --token-keys says who may come in, not both")
    if options.token_keys and not (options.token_realm and options.token_issuer):
        raise InvalidArgument("--token-keys needs --token-issuer, and --token-realm where clients get their tokens")
    if options.token_server and not options.htpasswd:
        raise InvalidArgument("--token-server needs --htpasswd: it gives tokens for users and passwords")
    if not options.htpasswd and (options.access or options.groups or options.anonymous_pull):
        raise InvalidArgument("rules for users need --htpasswd: without it nobody says who they are")
    if options.access and options.anonymous_pull:
        raise InvalidArgument('with rules of one\'s own, a rule for the user "anonymous" says what everybody may pull')


def _quotas(options: Options, repositories: Repositories) -> Quotas | None:
    quotas = [Quota(check_pattern(each.repository), opts.size(each.size, "quota size")) for each in options.quota]
    return Quotas(repositories, quotas) if quotas else None


def _retention(options: Options) -> list[Retention]:
    rules = []
    for each in options.retention:
        if each.keep_last is None and each.older_than is None:
            raise InvalidArgument(f"retention of {each.repository}: say keep-last, older-than or both")
        older = None if each.older_than is None else seconds(each.older_than, "older-than")
        rules.append(Retention(check_pattern(each.repository), each.tags, each.keep_last, older))
    return rules


def _hooks(options: Options) -> list[Hook]:
    return [
        Hook(each.url, dict(each.headers), frozenset(each.actions), seconds(each.timeout, "webhook timeout"))
        for each in options.webhook
    ]
