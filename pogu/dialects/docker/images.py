"""Images on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pogu.dialects.docker.call import Call, empty_response, json_response, primed, stream_response
from pogu.dialects.docker.image_create import ImageCreateRoutes, progress_stream
from pogu.dialects.docker.platforms import decode_platform, one_platform
from pogu.dialects.docker.rendering.images import render_image, render_image_summary, render_variant
from pogu.dialects.docker.rendering.omission import plain
from pogu.dialects.docker.routes import TAR, Answer, Parameter, Route, done, filters, flag, found, listing, stream, text
from pogu.engine.engine import Engine
from pogu.engine.images import LIST_FILTERS, PRUNE_FILTERS, Progress, parse_reference
from pogu.engine.model import ContainerConfig
from pogu.engine.registries import decode_credentials
from pogu.errors import InvalidArgument
from pogu.http import Response


class ImageRoutes:
    """Handlers of `/images` and `/commit`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._images = engine.images
        self._create = ImageCreateRoutes(engine)

    async def list(self, call: Call) -> Response:
        filters = call.filters()
        if call.version < (1, 25) and call.text("filter"):
            filters.setdefault("reference", [call.text("filter")])
        shared = call.flag("shared-size") and call.version >= (1, 42)
        summaries = self._images.list(filters, all=call.flag("all"), shared_size=shared)
        rows = [render_image_summary(i, call.version) for i in summaries]
        if call.flag("manifests") and call.version >= (1, 47):
            for row in rows:
                row["Manifests"] = self._variants(row["Id"])
        return json_response(rows)

    def _variants(self, image_id: str) -> Sequence[dict[str, Any]]:
        return [render_variant(variant) for variant in self._images.variants(image_id)]

    async def inspect(self, call: Call) -> Response:
        platform = decode_platform(call.text("platform")) if call.version >= (1, 49) else ""
        if platform and call.flag("manifests"):
            raise InvalidArgument("conflicting options: manifests and platform options cannot both be set")
        image = self._images.resolve(call.param("name"), platform)
        storage = self._engine.storage
        graph_data = storage.describe_layer(image.chain_id) if image.chain_id else {}
        value = render_image(image, call.version, storage.name, graph_data)
        if call.flag("manifests") and call.version >= (1, 48):
            value["Manifests"] = self._variants(image.id)
        return json_response(value)

    async def history(self, call: Call) -> Response:
        name = call.param("name")
        if call.version >= (1, 48):
            self._images.resolve(name, decode_platform(call.text("platform")))
        return json_response([plain(entry) for entry in self._images.history(name)])

    async def tag(self, call: Call) -> Response:
        repository = call.text("repo")
        if not repository:
            raise InvalidArgument("repository name must have at least one component")
        await self._images.tag(call.param("name"), repository, call.text("tag"))
        return empty_response(201)

    async def remove(self, call: Call) -> Response:
        name = call.param("name")
        if not name.strip():
            raise InvalidArgument("image name cannot be blank")
        if call.version >= (1, 50) and (platforms := call.texts("platforms")):
            if len(platforms) > 1:
                raise InvalidArgument("multiple platforms are not supported")
            self._images.resolve(name, decode_platform(platforms[0]))
        return json_response(await self._images.remove(name, force=call.flag("force"), noprune=call.flag("noprune")))

    async def save(self, call: Call) -> Response:
        return await self._saved(call, [call.param("name")])

    async def save_several(self, call: Call) -> Response:
        return await self._saved(call, call.texts("names"))

    async def _saved(self, call: Call, names: Sequence[str]) -> Response:
        if call.version >= (1, 48) and (platform := decode_platform(one_platform(call.texts("platform")))):
            for name in names:
                self._images.resolve(name, platform)
        return stream_response(await primed(self._images.save(names)), TAR)

    async def prune(self, call: Call) -> Response:
        report = await self._images.prune(call.filters())
        return json_response({"ImagesDeleted": report.deleted or None, "SpaceReclaimed": report.space_reclaimed})

    async def push(self, call: Call) -> Response:
        reference = parse_reference(call.param("name"))
        tag = call.text("tag")
        wanted = reference.with_tag(tag) if tag else reference
        credentials = decode_credentials(call.request.headers.get("X-Registry-Auth") or "")
        platform = decode_platform(call.text("platform")) if call.version >= (1, 46) else ""
        if platform:
            self._images.resolve(wanted.familiar, platform)

        async def work(report: Progress) -> None:
            await self._images.push(str(wanted), credentials, report)

        return stream_response(await primed(progress_stream(work, late=False)))

    async def commit(self, call: Call) -> Response:
        wanted = await call.body(ContainerConfig)
        given = any(getattr(wanted, name) for name in wanted.__struct_fields__)
        image_id = await self._engine.containers.commit(
            call.text("container"),
            repo=call.text("repo"),
            tag=call.text("tag"),
            author=call.text("author"),
            comment=call.text("comment"),
            pause=call.flag("pause", True),
            changes=call.texts("changes"),
            config=wanted if given else None,
        )
        return json_response({"Id": image_id}, 201)

    def routes(self) -> Sequence[Route]:
        """Return the operations."""
        name = "/images/{name:path}"
        return [
            *self._create.routes(),
            Route(
                "GET",
                "/images/json",
                self.list,
                "ImageList",
                "List images",
                (
                    flag("all", "Show intermediate images too"),
                    flag("shared-size", "Compute shared sizes"),
                    flag("manifests", "Say what is here for each platform"),
                    filters(LIST_FILTERS),
                ),
                None,
                listing("The images", "ImageSummary"),
                (400, 500),
            ),
            Route(
                "GET",
                f"{name}/json",
                self.inspect,
                "ImageInspect",
                "Show an image",
                (flag("manifests", "Say what is here for each platform"),),
                None,
                found("The image", "ImageInspect"),
                (400, 404, 500),
            ),
            Route(
                "GET",
                f"{name}/history",
                self.history,
                "ImageHistory",
                "Show how an image was made",
                (),
                None,
                listing("The steps, newest first", "ImageHistory"),
                (400, 404, 500),
            ),
            Route(
                "POST",
                f"{name}/tag",
                self.tag,
                "ImageTag",
                "Give an image a name",
                (text("repo", "Repository", True), text("tag", "Tag")),
                None,
                done("Tagged", 201),
                (400, 404, 409, 500),
            ),
            Route(
                "DELETE",
                name,
                self.remove,
                "ImageDelete",
                "Remove a name, and the image with its last one",
                (
                    flag("force", "Even if stopped containers use it"),
                    flag("noprune", "Keep unnamed parents"),
                    text("platforms", "Only if it is for this platform (JSON)"),
                ),
                None,
                listing("What was untagged and deleted", "ImageRemoved"),
                (400, 404, 409, 500),
            ),
            Route(
                "GET",
                f"{name}/get",
                self.save,
                "ImageGet",
                "Save an image",
                (),
                None,
                {200: Answer("An archive", TAR)},
                (400, 404, 500),
            ),
            Route(
                "GET",
                "/images/get",
                self.save_several,
                "ImageGetAll",
                "Save images",
                (Parameter("names", "Images", repeated=True),),
                None,
                {200: Answer("An archive", TAR)},
                (400, 404, 500),
            ),
            Route(
                "POST",
                "/images/prune",
                self.prune,
                "ImagePrune",
                "Remove unused images",
                (filters(PRUNE_FILTERS),),
                None,
                found("What was removed", "ImagePruned"),
                (400, 409, 500),
                since=(1, 25),
            ),
            Route(
                "POST",
                f"{name}/push",
                self.push,
                "ImagePush",
                "Push an image",
                (text("tag", "Tag"), text("platform", "JSON of a platform: refuse an image for another")),
                None,
                stream("What happens, as it happens", "Progress"),
                (400, 404, 500),
            ),
            Route(
                "POST",
                "/commit",
                self.commit,
                "ImageCommit",
                "Make an image from a container",
                (
                    text("container", "The container", True),
                    text("repo", "Repository"),
                    text("tag", "Tag"),
                    text("comment", "Message"),
                    text("author", "Author"),
                    flag("pause", "Pause it meanwhile"),
                    Parameter("changes", "Dockerfile instructions", repeated=True),
                ),
                ContainerConfig,
                found("The image's ID", "ImageCommitted", 201),
                (400, 404, 409, 500),
            ),
        ]
