from hypothesis import given
from hypothesis import strategies as st

from pogu.dialects.docker.frames import STDERR, STDOUT, FrameReader, frame

frames = st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.binary(max_size=300)), max_size=8)


def test_the_header_is_stream_zeros_and_big_endian_length():
    assert frame(STDOUT, b"hello\n") == b"\x01\x00\x00\x00\x00\x00\x00\x06hello\n"
    assert frame(STDERR, b"") == b"\x02" + bytes(7)


@given(frames, st.integers(1, 17))
def test_frames_survive_being_cut_anywhere(sent, step):
    data = b"".join(frame(stream, payload) for stream, payload in sent)
    reader = FrameReader()
    received = [f for i in range(0, len(data), step) for f in reader.feed(data[i : i + step])]
    assert received == sent
    assert reader.pending == 0


def test_an_unfinished_frame_is_waited_for():
    reader = FrameReader()
    assert reader.feed(frame(STDOUT, b"abc")[:-1]) == []
    assert reader.pending == 10
    assert reader.feed(b"c") == [(STDOUT, b"abc")]
