"""Several programs at one file, and large files. Called by real_use.sh:
    real_use.py FOLDER STRATEGY SEED    what every strategy must stand
    real_use.py --large FOLDER STRATEGY [dense]
Every file's content is known beforehand, so that each read can be judged."""
import mmap, os, random, signal, sys

BLOCK = 4096
TRUNCATIONS, CONVERSIONS = 40, 80
STRATEGIES = ["contiguous", "linked", "fat", "indexed", "extent"]


def aligned(data):
    """A page-aligned buffer, for O_DIRECT."""
    buffer = mmap.mmap(-1, max(BLOCK, -(-len(data) // BLOCK) * BLOCK))
    buffer[: len(data)] = data
    return memoryview(buffer)[: len(data)]


def read_direct(descriptor, offset, length):
    buffer = aligned(bytes(length))
    return bytes(buffer[: os.preadv(descriptor, [buffer], offset)])


def at_once(*works):
    """Runs each in a process of its own; all must end well."""
    children = []
    for work in works:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(120)
                work()
                status = 0
            except BaseException as error:
                print(f"{work.__name__}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(status)
        children.append(child)
    assert all([os.waitpid(child, 0)[1] == 0 for child in children]), "one of the programs failed"


class Flag:
    """Numbers that one of several programs shares with the others."""

    def __init__(self):
        self.shared = mmap.mmap(-1, 1)

    def set(self):
        self.shared[0] = 1

    def is_set(self):
        return self.shared[0] != 0


def mixed_access(path, seed):
    """One program, every way of access in turn, against a model of the bytes."""
    chance = random.Random(seed)
    buffered = os.open(path, os.O_RDWR | os.O_CREAT)
    direct = os.open(path, os.O_RDWR | os.O_DIRECT)
    size = 64 * BLOCK
    os.ftruncate(buffered, size)
    mapped = mmap.mmap(buffered, size)
    model = bytearray(size)
    for step in range(600):
        unit = chance.choice([1, 512, BLOCK])
        offset = chance.randrange(size) // unit * unit
        length = max(unit, chance.randrange(min(size - offset, 6 * BLOCK)) // unit * unit) if size > offset else 0
        length = min(length, size - offset)
        data = chance.randbytes(length)
        how = chance.randrange(8)
        found = None
        if how == 0:
            assert os.pwrite(buffered, data, offset) == length
        elif how == 1:
            assert os.pwritev(direct, [aligned(data)], offset) == length
        elif how == 2:
            mapped[offset : offset + length] = data
        elif how == 3:
            found = os.pread(buffered, length, offset)
        elif how == 4:
            found = read_direct(direct, offset, length)
        elif how == 5:
            found = mapped[offset : offset + length]
        elif how == 6:
            mapped.flush()
        else:
            os.fsync(chance.choice([buffered, direct]))
        if how < 3:
            model[offset : offset + length] = data
        if found is not None:
            assert found == model[offset : offset + length], f"step {step}, way {how}, {offset}+{length}"
    mapped.close()
    assert read_direct(direct, 0, size) == model
    assert os.pread(buffered, size, 0) == model


def several_writers(path, seed):
    """Each has records of its own in one file: by offset, buffered or direct, and by appending to another."""
    record, count, writers = 3000, 120, 4
    content = lambda writer, number: bytes([writer * 50 + number % 50 + 1]) * record

    def writes(writer):
        def work():
            flags = os.O_DIRECT if writer % 2 else 0
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | flags)
            log = os.open(path + ".log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            order = list(range(count))
            random.Random(seed + writer).shuffle(order)
            for number in order:
                data = aligned(content(writer, number))
                assert os.pwritev(descriptor, [data], (number * writers + writer) * record) == record
                assert os.write(log, bytes(data)) == record
                if number % 16 == 0:
                    os.fsync(descriptor)

        return work

    at_once(*[writes(writer) for writer in range(writers)])
    with open(path, "rb") as file:
        for number in range(count):
            for writer in range(writers):
                assert file.read(record) == content(writer, number), f"record {number} of writer {writer}"
    with open(path + ".log", "rb") as file:
        appended = file.read()
    pieces = sorted(appended[i : i + record] for i in range(0, len(appended), record))
    wanted = sorted(content(writer, number) for writer in range(writers) for number in range(count))
    assert pieces == wanted, "an append is lost or torn"


PATTERN = bytes((i * 7 + i // 251) % 255 + 1 for i in range(251 * 255))


def pattern(offset, length):
    """The byte at an offset, whichever program wrote it last; never a zero."""
    start = offset % len(PATTERN)
    return (PATTERN * (1 + (start + length) // len(PATTERN)))[start : start + length]


def judge(data, offset, what):
    """Each byte is the pattern's, or the zero of a hole."""
    if data.count(0) == 0:
        assert data == pattern(offset, len(data)), f"{what} at {offset}"
        return
    wanted = pattern(offset, len(data))
    wrong = next((i for i, byte in enumerate(data) if byte not in (0, wanted[i])), None)
    assert wrong is None, f"{what} at {offset + wrong}"


def readers_during_truncation(path, seed):
    size = 150 * BLOCK
    over = Flag()

    def shortens():
        chance = random.Random(seed)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        for _ in range(TRUNCATIONS):
            os.pwrite(descriptor, pattern(0, size), 0)
            os.ftruncate(descriptor, chance.randrange(size))
            os.ftruncate(descriptor, chance.randrange(size))
        over.set()

    def reads(flags):
        def work():
            chance = random.Random(seed + flags)
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | flags)
            while not over.is_set():
                offset = chance.randrange(size) // BLOCK * BLOCK
                judge(read_direct(descriptor, offset, 5 * BLOCK), offset, "a reader found another byte")

        return work

    at_once(shortens, reads(0), reads(os.O_DIRECT), reads(0))


def conversions_under_load(path, seed, control):
    """A file is converted, and every policy changed, while two programs write and two read."""
    size = 200 * BLOCK
    with open(path, "wb") as file:
        file.write(pattern(0, size))
    over = Flag()

    def converts():
        chance = random.Random(seed)
        for _ in range(CONVERSIONS):
            os.setxattr(path, "user.spindle.alloc", chance.choice(STRATEGIES).encode())
        over.set()

    def switches():
        chance = random.Random(seed)
        choices = {}
        for name in ["cache/policy", "disk/scheduler", "disk/model", "volume/fit"]:
            with open(f"{control}/{name}") as file:
                choices[name] = file.read().replace("[", "").replace("]", "").split()
        while not over.is_set():
            name = chance.choice(list(choices))
            with open(f"{control}/{name}", "w") as file:
                file.write(chance.choice(choices[name]))
            if chance.random() < 0.2:
                with open(f"{control}/cache/drop", "w") as file:
                    file.write("1")

    def writes(flags):
        def work():
            chance = random.Random(seed + flags + 1)
            descriptor = os.open(path, os.O_RDWR | flags)
            while not over.is_set():
                offset = chance.randrange(size - 4 * BLOCK)
                os.pwritev(descriptor, [aligned(pattern(offset, 3 * BLOCK))], offset)
                if chance.random() < 0.05:
                    os.fsync(descriptor)

        return work

    def reads(flags):
        def work():
            chance = random.Random(seed + flags)
            descriptor = os.open(path, os.O_RDONLY | flags)
            while not over.is_set():
                offset = chance.randrange(size - 8 * BLOCK) // BLOCK * BLOCK
                data = read_direct(descriptor, offset, 8 * BLOCK)
                assert data == pattern(offset, len(data)) and len(data) == 8 * BLOCK, f"another byte, {offset}"

        return work

    at_once(converts, switches, writes(0), writes(os.O_DIRECT), reads(0), reads(os.O_DIRECT))
    with open(path, "rb") as file:
        assert file.read() == pattern(0, size)


def large_with_holes(folder, strategy):
    """Data beyond 4 GiB, with holes between; with extents 10 TiB away."""
    path = f"{folder}/{strategy}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    os.setxattr(path, "user.spindle.alloc", strategy.encode())
    offsets = [i * (300 << 20) + i for i in range(18)] + [(1 << 32) - 5, (1 << 32) + 12345]
    if strategy == "extent":
        offsets += [(10 << 40) + 7, (16 << 40) - (2 << 20)]
    for offset in offsets:
        assert os.pwrite(descriptor, pattern(offset, 100_000), offset) == 100_000
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    direct = os.open(path, os.O_RDONLY | os.O_DIRECT)
    for offset in offsets:
        assert os.pread(descriptor, 100_000, offset) == pattern(offset, 100_000), offset
        first = offset // BLOCK * BLOCK
        assert read_direct(direct, first, 8 * BLOCK)[offset - first :] == pattern(offset, 8 * BLOCK - offset + first)
    status = os.stat(path)
    assert status.st_size == max(offsets) + 100_000
    if strategy != "fat":
        assert status.st_blocks * 512 < 30 << 20, f"the holes cost {status.st_blocks * 512} bytes"
    middle = sorted(offsets)[-1] - (1 << 20)
    assert os.lseek(descriptor, middle, os.SEEK_DATA) <= max(offsets), "SEEK_DATA"
    assert os.pread(descriptor, 10, middle) == bytes(10), "a hole is not zero"
    os.unlink(path)


def large_without_holes(folder, strategy):
    """Every block of 5 GiB is allocated, and some hold what was written."""
    path = f"{folder}/{strategy}"
    dense = os.open(path, os.O_RDWR | os.O_CREAT)
    os.setxattr(path, "user.spindle.alloc", strategy.encode())
    os.posix_fallocate(dense, 0, 5 << 30)
    assert os.fstat(dense).st_blocks * 512 >= 5 << 30
    for offset in [0, (1 << 32) - 50_000, (5 << 30) - 100_000]:
        assert os.pwrite(dense, pattern(offset, 100_000), offset) == 100_000
        os.fsync(dense)
        assert os.pread(dense, 100_000, offset) == pattern(offset, 100_000)
    assert os.pread(dense, 10, 3 << 30) == bytes(10)
    os.ftruncate(dense, (1 << 32) + 1)
    os.unlink(path)


if sys.argv[1] == "--large":
    large_with_holes(sys.argv[2], sys.argv[3])
    if sys.argv[4:] == ["dense"]:
        large_without_holes(sys.argv[2], sys.argv[3])
else:
    folder, strategy, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
    mixed_access(f"{folder}/mixed", seed)
    several_writers(f"{folder}/writers", seed)
    readers_during_truncation(f"{folder}/truncated", seed)
    conversions_under_load(f"{folder}/converted", seed, f"{folder}/../.spindle")
