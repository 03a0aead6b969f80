"""Small file systems, for a test to fill and to break.

The script gets a mount namespace of its own: no other process sees what it mounts, and whatever way it ends, all of it is gone
with its last process.
"""

import atexit
import ctypes
import errno
import fcntl
import os
import struct
import subprocess
import tempfile

from lib.harness import TIMEOUT_FACTOR, Skipped, expect, expect_equal
from lib.relay import folder

BLOCK = 4096
CLONE_NEWNS = 0x20000
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2
FIBMAP = 1
IMAGE_BYTES = 64 << 20
_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
_mounted = []
_allowed = []  # whether this script may mount, once it is known


def run(*command, wanted=0):
    done = subprocess.run(command, capture_output=True, text=True, timeout=30 * TIMEOUT_FACTOR, check=False)
    if wanted is not None:
        expect_equal(done.returncode, wanted, f"exit status of {' '.join(command)}, which said {done.stderr!r}")
    return done.returncode == 0


# ------------------------------------------------------------------------------------ mounting


def _may_mount():
    if not _allowed:
        own = os.geteuid() == 0 and _libc.unshare(CLONE_NEWNS) == 0
        _allowed.append(own and run("mount", "--make-rprivate", "/", wanted=None))
    return _allowed[0]


def mount(place, *words):
    """False where the machine refuses it."""
    if not _may_mount():
        raise Skipped("mounting is for root, in a mount namespace of its own")
    os.makedirs(place, exist_ok=True)
    if not run("mount", *words, place, wanted=None):
        return False
    _mounted.append(place)
    return True


def unmount(place, lazy=False):
    """LAZY: also where files are open there; a process that has them open goes on with them."""
    _mounted.remove(place)
    if lazy:
        run("umount", "--lazy", place)
    elif not run("umount", place, wanted=None):
        run("umount", "--lazy", place)
        expect(False, f"{place} was still in use when the test was over")


@atexit.register
def unmount_all():
    for place in reversed(_mounted[:]):
        run("umount", "--lazy", place, wanted=None)


class Disk:
    """A mounted file system, for a `with`.  KIND: "ext4", of a file, or "tmpfs"."""

    def __init__(self, place, kind):
        self.place, self.kind = place, kind
        self.spool = os.path.join(place, "spool")
        self.fillers = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.place in _mounted:
            unmount(self.place)

    def at(self, *names):
        return os.path.join(self.place, *names)

    def free_bytes(self):
        status = os.statvfs(self.place)
        return status.f_bavail * status.f_frsize

    def fill(self, but=0):
        """Takes all that is left but so many bytes; returns the file that has it."""
        self.fillers += 1
        path = self.at(f"filler-{self.fillers}")
        with open(path, "wb") as file:
            size, step = 0, max(BLOCK, self.free_bytes() - but)
            while step >= BLOCK and (but == 0 or self.free_bytes() > but):
                try:
                    os.posix_fallocate(file.fileno(), size, step // BLOCK * BLOCK)
                    size += step // BLOCK * BLOCK
                except OSError as error:
                    expect_equal(error.errno, errno.ENOSPC, "why the disk takes no more")
                    step //= 2
        return path

    def use_up_inodes(self):
        """Empty files, until there can be no more; returns the folder that they are in."""
        path = self.at("files")
        os.mkdir(path)
        try:
            for number in range(100000):
                os.close(os.open(os.path.join(path, str(number)), os.O_CREAT | os.O_WRONLY))
        except OSError as error:
            expect_equal(error.errno, errno.ENOSPC, "why there are no more files")
        expect_equal(os.statvfs(self.place).f_favail, 0, "files that could still be made")
        return path


def small_disk(size=IMAGE_BYTES, inodes=512, mkfs=(), options="", only_ext4=False):
    """An ext4 in a file of its own; a tmpfs where loop devices are refused, unless ONLY_EXT4."""
    path = tempfile.mkdtemp(prefix="disk-", dir=folder().path)
    place, image = os.path.join(path, "mounted"), os.path.join(path, "image")
    if make_ext4(image, size, inodes, mkfs) and mount(place, "-o", ",".join(filter(None, ("loop", options))), image):
        disk = Disk(place, "ext4")
        disk.image = image
        return disk
    if only_ext4:
        raise Skipped("no loop device can be mounted")
    if mount(place, "-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes}", "tmpfs"):
        return Disk(place, "tmpfs")
    raise Skipped("neither a loop device nor a tmpfs can be mounted")


def make_ext4(image, size, inodes, mkfs):
    with open(image, "wb") as file:
        file.truncate(size)
    # Without blocks that only root may have: the relay runs as root here.
    return run("mkfs.ext4", "-q", "-b", str(BLOCK), "-m", "0", "-N", str(inodes), *mkfs, image, wanted=None)


def read_only_cover(path):
    """The directory PATH, read-only where something is opened by its name; until `unmount(path)`.  A file system of which
    a file is open for writing cannot be mounted read-only but by its own error."""
    expect(mount(path, "--bind", path), "it cannot be mounted over itself")
    run("mount", "-o", "remount,bind,ro", path)


# ------------------------------------------------------------------------------------ breaking


def fail_file_system(disk):
    """What a kernel does that finds the file system damaged: errors=remount-ro."""
    device = os.stat(disk.place).st_dev
    name = os.path.basename(os.readlink(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"))
    trigger = f"/sys/fs/ext4/{name}/trigger_fs_error"
    if not os.access(trigger, os.W_OK):
        raise Skipped(f"{trigger} cannot be written")
    with open(trigger, "w", encoding="ascii") as file:
        file.write("the test's")
    try:
        os.mkdir(disk.at("one more"))
    except OSError as error:
        expect_equal(error.errno, errno.EROFS, "why nothing can be made after the error")
    else:
        expect(False, "the file system takes changes after its error")


class FailingDisk(Disk):
    """An ext4 whose blocks cannot be written any more when the test says so: its image lies in a tmpfs, sparse, and that is filled.
    Without a journal, which would end the file system at the first error."""

    def __init__(self, size=IMAGE_BYTES):
        path = tempfile.mkdtemp(prefix="disk-", dir=folder().path)
        self.below = Disk(os.path.join(path, "below"), "tmpfs")
        if not mount(self.below.place, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
            raise Skipped("no tmpfs can be mounted")
        super().__init__(os.path.join(path, "mounted"), "ext4")
        self.image = self.below.at("image")
        options = ("-O", "^has_journal", "-E", "lazy_itable_init=0,nodiscard")
        made = make_ext4(self.image, size, 512, options) and mount(self.place, "-o", "loop", self.image)
        if not made:
            unmount(self.below.place)
            raise Skipped("no loop device can be mounted")

    def __exit__(self, *_):
        try:
            super().__exit__()
        finally:
            self.below.__exit__()

    def refuse_writes(self, paths):
        """From here on no block of these files that holds zeros can be written, nor any that was never used.  Returns
        the file that has taken what would be needed."""
        run("sync", "--file-system", self.place)
        for path in paths:
            self.punch_zeros(path)
        return self.below.fill()

    def punch_zeros(self, path):
        image = os.open(self.image, os.O_RDWR)
        file = os.open(path, os.O_RDONLY)
        try:
            for block in range(os.fstat(file).st_size // BLOCK):
                if not os.pread(file, BLOCK, block * BLOCK).strip(b"\0"):
                    where = struct.unpack("i", fcntl.ioctl(file, FIBMAP, struct.pack("i", block)))[0] * BLOCK
                    punched = _libc.fallocate(image, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, where, BLOCK)
                    expect(where and punched == 0, f"no hole where block {block} of {path} is: {ctypes.get_errno()}")
        finally:
            os.close(file)
            os.close(image)


def is_segment(name):
    return name.endswith(".log")


def segments(spool):
    """The paths of a spool's segments, the oldest first."""
    return [os.path.join(spool, name) for name in sorted(os.listdir(spool)) if is_segment(name)]
