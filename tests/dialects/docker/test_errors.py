import msgspec
import pytest

from pogu import errors
from pogu.dialects.docker.errors import body_of, status_of


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InvalidArgument, 400),
        (errors.CommandNotFound, 400),
        (errors.CommandNotExecutable, 400),
        (errors.Unauthenticated, 401),
        (errors.Forbidden, 403),
        (errors.NotFound, 404),
        (errors.DeadlineExceeded, 408),
        (errors.Conflict, 409),
        (errors.TooLarge, 413),
        (errors.NotModified, 304),
        (errors.Unsupported, 501),
        (errors.Unavailable, 503),
        (errors.PoguError, 500),
    ],
)
def test_each_kind_has_its_status(kind, status):
    assert status_of(kind("x")) == status


def test_every_kind_of_error_has_a_status():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.PoguError)]
    assert len(kinds) > 10
    assert all(300 <= status_of(kind("x")) < 600 for kind in kinds)


def test_a_kind_made_elsewhere_takes_its_parents_status():
    class LayerMissing(errors.NotFound):
        pass

    assert status_of(LayerMissing("x")) == 404


def test_the_body_is_a_message():
    assert msgspec.json.decode(body_of('No such container: "x"')) == {"message": 'No such container: "x"'}
