// One function for each FUSE operation: decode, call the tree, answer.

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "interruptible_request.h"
#include "listings.h"
#include "privilege.h"
#include "protocol.h"
#include "replies.h"
#include "session_state.h"

namespace spindle {

struct stat to_stat(const Attributes& a) {
  struct stat out {};
  out.st_ino = a.inode();
  out.st_mode = a.mode;
  out.st_nlink = a.links;
  out.st_uid = a.uid;
  out.st_gid = a.gid;
  out.st_rdev = makedev(a.device_major, a.device_minor);
  out.st_size = static_cast<off_t>(a.size);
  out.st_blocks = static_cast<blkcnt_t>(a.sectors);
  out.st_blksize = a.block_size;
  out.st_atim = {a.accessed.seconds, a.accessed.nanoseconds};
  out.st_mtim = {a.modified.seconds, a.modified.nanoseconds};
  out.st_ctim = {a.changed.seconds, a.changed.nanoseconds};
  return out;
}

namespace {

Caller caller_of(fuse_req_t request) {
  const fuse_ctx* context = fuse_req_ctx(request);
  Caller caller;
  caller.uid = context->uid;
  caller.gid = context->gid;
  caller.umask = context->umask;
  caller.process = context->pid;
  return caller;
}

/// The argument of the raw request that is being served: for flags that libfuse does not pass on.
/// Read before anything suspends.
template <class T>
const T& raw_argument(fuse_req_t request) {
  return *reinterpret_cast<const T*>(session_of(request).current + 1);
}

void reply_entry(fuse_req_t request, const Result<Attributes>& result) {
  if (!result.ok()) {
    fuse_reply_err(request, result.code());
    return;
  }
  const fuse_entry_param entry = to_entry(request, *result);
  fuse_reply_entry(request, &entry);
}

/// Answers with a file that was just made; its number may have been another file's before.
void reply_new_entry(fuse_req_t request, const Result<Attributes>& result) {
  if (result.ok()) session_of(request).busy_files.forget(result->node);
  reply_entry(request, result);
}

void reply_attributes(fuse_req_t request, const Result<Attributes>& result) {
  if (!result.ok()) {
    fuse_reply_err(request, result.code());
    return;
  }
  const struct stat attributes = to_stat(*result);
  fuse_reply_attr(request, &attributes, session_of(request).validity_seconds(result->node));
}

void do_init(void* user_data, fuse_conn_info* connection) {
  constexpr unsigned kWanted =
      FUSE_CAP_ASYNC_READ | FUSE_CAP_DONT_MASK | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
      FUSE_CAP_ASYNC_DIO | FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_PARALLEL_DIROPS |
      FUSE_CAP_POSIX_ACL | FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPORT_SUPPORT |
      FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_NO_OPENDIR_SUPPORT;
  connection->want = connection->capable & kWanted;
  auto& session = *static_cast<SessionState*>(user_data);
  session.kernel_opens_directories = (connection->want & FUSE_CAP_NO_OPENDIR_SUPPORT) != 0;
  // A kernel that looks after ACLs checks permissions, too.
  if (!session.options.default_permissions) connection->want &= ~FUSE_CAP_POSIX_ACL;
  connection->max_write = kLargestTransfer;
  connection->max_readahead = kLargestTransfer;
  // Of what the kernel reads ahead and writes back. More would wait here, each with its buffer, for
  // room in the cache; others overtake what waits in the kernel.
  connection->max_background = 16;
  connection->congestion_threshold = 12;
  connection->time_gran = 1;
}

void do_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  SessionState& session = session_of(request);
  if (is_control_name(parent, name)) {
    return reply_entry(request, session.control.attributes(kControlRoot));
  }
  session.listing_hints.looked_up(parent);
  const auto result = session.tree(parent).lookup_for(caller_of(request), parent, name);
  if (result.code() == ENOENT && (parent & kControlBit) == 0) {
    // The kernel may remember that there is no such name.
    fuse_entry_param nothing{};
    nothing.entry_timeout = kValidForever;
    fuse_reply_entry(request, &nothing);
    return;
  }
  reply_entry(request, result);
}

void do_forget(fuse_req_t request, fuse_ino_t node, std::uint64_t references) {
  session_of(request).write_errors.drop(node);
  tree_of(request, node).forget(node, references);
  fuse_reply_none(request);
}

void do_forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
  for (std::size_t i = 0; i < count; ++i) {
    session_of(request).write_errors.drop(forgets[i].ino);
    tree_of(request, forgets[i].ino).forget(forgets[i].ino, forgets[i].nlookup);
  }
  fuse_reply_none(request);
}

/// The handle of a file of the volume says how it was opened: O_ACCMODE, and whether that changed
/// the file's times.
constexpr std::uint64_t kHasChangedTimes = 4;
static_assert((kHasChangedTimes & O_ACCMODE) == 0);

bool writes(fuse_ino_t node, const fuse_file_info* file) {
  return file != nullptr && (node & kControlBit) == 0 && (file->fh & O_ACCMODE) != O_RDONLY;
}

void do_getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  if (writes(node, file)) {
    const int error = session_of(request).write_errors.take(node);
    if (error != 0) return reply(request, Error{error});
  }
  reply_attributes(request, tree_of(request, node).attributes(node));
}

/// A chown(2) that sets neither user nor group clears setuid all the same. Of a regular file the
/// kernel then passes on the time of change alone, and only then; of other nodes nothing.
bool sets_no_owner(fuse_req_t request, fuse_ino_t node, std::uint32_t valid) {
  if (valid != 0) return valid == FATTR_CTIME;
  const auto attributes = tree_of(request, node).attributes(node);
  return attributes.ok() && !S_ISREG(attributes->mode);
}

/// How whoever asks clears setuid. The kernel says that it is to be cleared, but not by whom.
Setuid cleared_setuid(fuse_req_t request, const Attributes& attributes) {
  const bool group_matters = (attributes.mode & (S_ISGID | S_IXGRP)) == S_ISGID;
  if (!group_matters) return Setuid::kClear;
  const fuse_ctx& asking = *fuse_req_ctx(request);
  const bool is_stranger = asking.gid != attributes.gid &&
                           !is_in_group(asking.pid, attributes.gid) &&
                           !has_capability(asking.pid, CAP_FSETID);
  return is_stranger ? Setuid::kClearByStranger : Setuid::kClear;
}

bool changes_mode(Setuid setuid, const Attributes& attributes) {
  return mode_after(setuid, attributes.mode) != attributes.mode;
}

/// What this change of attributes does to setuid. The kernel has not asked who it is that sets no
/// owner: EPERM if somebody would take a privilege away whose file it is not.
Result<Setuid> setuid_after(fuse_req_t request, fuse_ino_t node) {
  const std::uint32_t valid = raw_argument<fuse_setattr_in>(request).valid;
  const bool kills = (valid & protocol::kSetAttributesKillPrivileges) != 0;
  if (!kills && !sets_no_owner(request, node, valid)) return Setuid::kKeep;
  const Attributes attributes = TRY(tree_of(request, node).attributes(node));
  const fuse_ctx& asking = *fuse_req_ctx(request);
  const Setuid setuid = cleared_setuid(request, attributes);
  if (kills || asking.uid == attributes.uid || has_capability(asking.pid, CAP_FOWNER))
    return setuid;
  if (changes_mode(setuid, attributes)) return Error{EPERM, "it is another user's"};
  return Setuid::kKeep;
}

void do_setattr(fuse_req_t request, fuse_ino_t node, struct stat* to, int which, fuse_file_info*) {
  const auto setuid = setuid_after(request, node);
  if (!setuid.ok()) return reply(request, setuid.error());
  AttributeChange change;
  change.setuid = *setuid;
  change.mode = (which & FUSE_SET_ATTR_MODE) != 0;
  change.uid = (which & FUSE_SET_ATTR_UID) != 0;
  change.gid = (which & FUSE_SET_ATTR_GID) != 0;
  change.size = (which & FUSE_SET_ATTR_SIZE) != 0;
  change.accessed = (which & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW)) != 0;
  change.modified = (which & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)) != 0;
  change.changed = (which & FUSE_SET_ATTR_CTIME) != 0;
  const auto time = [](const timespec& t) {
    return Timestamp{t.tv_sec, static_cast<std::uint32_t>(t.tv_nsec)};
  };
  change.to.mode = to->st_mode;
  change.to.uid = to->st_uid;
  change.to.gid = to->st_gid;
  change.to.size = static_cast<std::uint64_t>(to->st_size);
  change.to.accessed = (which & FUSE_SET_ATTR_ATIME_NOW) != 0 ? wall_time() : time(to->st_atim);
  change.to.modified = (which & FUSE_SET_ATTR_MTIME_NOW) != 0 ? wall_time() : time(to->st_mtim);
  change.to.changed = time(to->st_ctim);
  Caller caller = caller_of(request);
  InterruptibleRequest changing(request, session_of(request), change.size, caller);
  const auto changed = tree_of(request, node).set_attributes(caller, node, change);
  changing.end();
  // Whoever sets the size has dealt with what failed before; fsync and close tell of it anyhow.
  if (changed.ok() && change.size) session_of(request).write_errors.drop(node);
  reply_attributes(request, changed);
}

void do_readlink(fuse_req_t request, fuse_ino_t node) {
  const auto target = tree_of(request, node).read_link(node);
  if (target.ok()) {
    fuse_reply_readlink(request, target->c_str());
  } else {
    fuse_reply_err(request, target.code());
  }
}

void do_mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  if (is_control_name(parent, name)) return reply(request, Error{EEXIST});
  reply_new_entry(request, tree_of(request, parent)
                               .make_node(caller_of(request), parent, name, mode, major(device),
                                          minor(device)));
}

void do_mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  if (is_control_name(parent, name)) return reply(request, Error{EEXIST});
  reply_new_entry(request,
                  tree_of(request, parent).make_directory(caller_of(request), parent, name, mode));
}

void do_symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
  if (is_control_name(parent, name)) return reply(request, Error{EEXIST});
  reply_new_entry(request,
                  tree_of(request, parent).symlink(caller_of(request), parent, name, target));
}

void do_unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  if (is_control_name(parent, name)) return reply(request, Error{EISDIR});
  reply(request, tree_of(request, parent).unlink(parent, name));
}

void do_rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
  if (is_control_name(parent, name)) return reply(request, Error{EBUSY});
  reply(request, tree_of(request, parent).remove_directory(parent, name));
}

void do_rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
               const char* new_name, unsigned flags) {
  if (is_control_name(parent, name) || is_control_name(new_parent, new_name)) {
    return reply(request, Error{EBUSY});
  }
  if (((parent ^ new_parent) & kControlBit) != 0) return reply(request, Error{EXDEV});
  reply(request, tree_of(request, parent)
                     .rename(caller_of(request), parent, name, new_parent, new_name, flags));
}

void do_link(fuse_req_t request, fuse_ino_t node, fuse_ino_t parent, const char* name) {
  if (is_control_name(parent, name)) return reply(request, Error{EEXIST});
  if (((node ^ parent) & kControlBit) != 0) return reply(request, Error{EXDEV});
  reply_entry(request, tree_of(request, parent).link(node, parent, name));
}

/// The volume's files are cached by the kernel across opens; control files go straight through.
void set_open_flags(NodeId node, std::uint64_t handle, fuse_file_info* file) {
  const bool is_control = (node & kControlBit) != 0;
  file->fh = is_control ? handle : static_cast<std::uint64_t>(file->flags & O_ACCMODE);
  file->direct_io = is_control;
  file->keep_cache = !is_control;
}

void do_create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
               fuse_file_info* file) {
  if (is_control_name(parent, name)) return reply(request, Error{EEXIST});
  const auto result = tree_of(request, parent).create(caller_of(request), parent, name, mode);
  if (!result.ok()) return reply(request, result.error());
  session_of(request).busy_files.forget(result->node);
  set_open_flags(result->node, 0, file);
  if (writes(result->node, file)) session_of(request).open_writers.add(result->node);
  const fuse_entry_param entry = to_entry(request, *result);
  fuse_reply_create(request, &entry, file);
}

void do_open(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  const auto opened = tree_of(request, node).open(node, file->flags);
  if (!opened.ok()) return reply(request, opened.error());
  set_open_flags(node, opened->handle, file);
  if (opened->has_changed_times) file->fh |= kHasChangedTimes;
  if (writes(node, file)) session_of(request).open_writers.add(node);
  fuse_reply_open(request, file);
}

void do_release(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  // Close at least has told the writers of the error: the next writer must not be told.
  if (writes(node, file) && session_of(request).open_writers.remove(node)) {
    session_of(request).write_errors.drop(node);
  }
  // This is not done at open: most programs ask for the attributes then, and may have what the
  // kernel knows.
  const bool is_volume = (node & kControlBit) == 0;
  if (is_volume && (file->fh & kHasChangedTimes) != 0) session_of(request).forget_attributes(node);
  tree_of(request, node).release(node, file->fh);
  fuse_reply_err(request, 0);
}

/// Listings need nothing of an open directory, so the kernel is told not to ask: it sends neither
/// this again nor RELEASEDIR, and keeps each listing until it knows that the directory has changed.
void do_opendir(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  if (session_of(request).kernel_opens_directories) {
    fuse_reply_err(request, ENOSYS);
    return;
  }
  file->keep_cache = file->cache_readdir = (node & kControlBit) == 0;
  fuse_reply_open(request, file);
}

void do_releasedir(fuse_req_t request, fuse_ino_t, fuse_file_info*) {
  fuse_reply_err(request, 0);
}

/// Answers with the pieces as writev wants them, neighbours in memory joined; with one copy of them
/// if there are too many for one call.
void reply_pieces(fuse_req_t request, std::span<const std::span<const std::byte>> pieces) {
  constexpr std::size_t kMostPieces = 1000;
  std::vector<iovec> vector;
  vector.reserve(pieces.size());
  for (const auto& piece : pieces) {
    auto* start = const_cast<std::byte*>(piece.data());
    if (!vector.empty() &&
        static_cast<std::byte*>(vector.back().iov_base) + vector.back().iov_len == start) {
      vector.back().iov_len += piece.size();
    } else {
      vector.push_back({start, piece.size()});
    }
  }
  if (vector.size() <= kMostPieces) {
    fuse_reply_iov(request, vector.data(), static_cast<int>(vector.size()));
    return;
  }
  std::vector<char> whole;
  for (const iovec& part : vector) {
    const auto* start = static_cast<const char*>(part.iov_base);
    whole.insert(whole.end(), start, start + part.iov_len);
  }
  fuse_reply_buf(request, whole.data(), whole.size());
}

/// A writer, too, has the kernel read: what stands beside its bytes in a page.
bool sets_access_time(int open_flags) {
  return (open_flags & O_ACCMODE) != O_WRONLY && (open_flags & O_NOATIME) == 0;
}

void do_read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
             fuse_file_info* file) {
  bool answered = false;
  Caller caller = caller_of(request);
  caller.may_wait = (file->flags & O_NONBLOCK) == 0;
  caller.sets_access_time = sets_access_time(file->flags);
  // Only control files make a reader wait.
  InterruptibleRequest reading(request, session_of(request), (node & kControlBit) != 0, caller);
  const auto result = tree_of(request, node)
                          .read_for(caller, node, file->fh, static_cast<std::uint64_t>(offset),
                                    size, [&](std::span<const std::span<const std::byte>> pieces) {
                                      answered = true;
                                      reading.end();
                                      reply_pieces(request, pieces);
                                    });
  if (answered) return;
  reading.end();
  if (result.ok()) {
    fuse_reply_buf(request, nullptr, 0);
  } else {
    fuse_reply_err(request, result.code());
  }
}

/// For fallocate and copy_file_range the kernel does not say whether setuid must be cleared.
Result<> drop_setuid(fuse_req_t request, NodeId node) {
  Tree& tree = tree_of(request, node);
  const auto attributes = tree.attributes(node);
  if (!attributes.ok()) return {};
  AttributeChange change;
  change.setuid = cleared_setuid(request, *attributes);
  if (!changes_mode(change.setuid, *attributes)) return {};
  if (has_capability(fuse_req_ctx(request)->pid, CAP_FSETID)) return {};
  TRY(tree.set_attributes(caller_of(request), node, change));
  session_of(request).forget_attributes(node);
  return {};
}

void do_write(fuse_req_t request, fuse_ino_t node, const char* bytes, std::size_t size,
              off_t offset, fuse_file_info* file) {
  const std::uint32_t flags = raw_argument<fuse_write_in>(request).write_flags;
  Setuid setuid = Setuid::kKeep;
  bool clears_setuid = false;
  if ((flags & protocol::kWriteKillPrivileges) != 0) {
    const auto attributes = tree_of(request, node).attributes(node);
    setuid = attributes.ok() ? cleared_setuid(request, *attributes) : Setuid::kClear;
    // The kernel does not notice that the mode changes when it has left that to the file system.
    clears_setuid = attributes.ok() && changes_mode(setuid, *attributes);
  }
  const auto written =
      tree_of(request, node)
          .write_for(caller_of(request), node, file->fh, static_cast<std::uint64_t>(offset),
                     std::as_bytes(std::span(bytes, size)), setuid);
  if (clears_setuid) session_of(request).forget_attributes(node);
  if (written.ok()) {
    fuse_reply_write(request, *written);
    return;
  }
  if ((flags & FUSE_WRITE_CACHE) != 0) {
    session_of(request).write_errors.add(node, written.code());
    session_of(request).forget_attributes(node);
  }
  fuse_reply_err(request, written.code());
}

void do_fsync(fuse_req_t request, fuse_ino_t node, int data_only, fuse_file_info*) {
  reply(request, tree_of(request, node).sync(node, data_only != 0 ? SyncOf::kData : SyncOf::kFile));
}

void do_fsyncdir(fuse_req_t request, fuse_ino_t node, int, fuse_file_info*) {
  reply(request, tree_of(request, node).sync_directory(node));
}

void do_fallocate(fuse_req_t request, fuse_ino_t node, int mode, off_t offset, off_t length,
                  fuse_file_info*) {
  Caller caller = caller_of(request);
  InterruptibleRequest allocating(request, session_of(request), true, caller);
  const auto allocate = [&]() -> Result<> {
    TRY(tree_of(request, node)
            .allocate(caller, node, mode, static_cast<std::uint64_t>(offset),
                      static_cast<std::uint64_t>(length)));
    return drop_setuid(request, node);
  };
  const Result<> allocated = allocate();
  allocating.end();
  reply(request, allocated);
}

/// The kernel holds nothing of the file back any more (SessionState::collect_later): that would
/// look like a hole.
void do_lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info*) {
  const auto found = tree_of(request, node).seek(node, static_cast<std::uint64_t>(offset), whence);
  if (found.ok()) {
    fuse_reply_lseek(request, static_cast<off_t>(*found));
  } else {
    fuse_reply_err(request, found.code());
  }
}

void do_copy_file_range(fuse_req_t request, fuse_ino_t from, off_t from_offset, fuse_file_info*,
                        fuse_ino_t to, off_t to_offset, fuse_file_info*, std::size_t length, int) {
  if (((from | to) & kControlBit) != 0) return reply(request, Error{EXDEV});
  const auto copy = [&]() -> Result<std::size_t> {
    const std::size_t bytes =
        TRY(session_of(request).volume.copy_range(from, static_cast<std::uint64_t>(from_offset), to,
                                                  static_cast<std::uint64_t>(to_offset), length));
    TRY(drop_setuid(request, to));
    return bytes;
  };
  const auto copied = copy();
  if (copied.ok()) {
    fuse_reply_write(request, *copied);
  } else {
    fuse_reply_err(request, copied.code());
  }
}

/// The kernel asks first with size 0 for the length, or hands a buffer of that size.
void reply_sized(fuse_req_t request, const Result<std::string>& value, std::size_t size) {
  if (!value.ok()) return reply(request, value.error());
  if (size == 0) {
    fuse_reply_xattr(request, value->size());
  } else if (value->size() > size) {
    fuse_reply_err(request, ERANGE);
  } else {
    fuse_reply_buf(request, value->data(), value->size());
  }
}

void do_getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
  reply_sized(request, tree_of(request, node).get_xattr(node, name), size);
}

void do_listxattr(fuse_req_t request, fuse_ino_t node, std::size_t size) {
  auto names = tree_of(request, node).list_xattr(node);
  if (names.ok() && has_trusted(*names) &&
      !has_capability(fuse_req_ctx(request)->pid, CAP_SYS_ADMIN)) {
    names = without_trusted(*names);
  }
  reply_sized(request, names, size);
}

void do_setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value,
                 std::size_t size, int flags) {
  reply(request, tree_of(request, node)
                     .set_xattr(caller_of(request), node, name,
                                std::as_bytes(std::span(value, size)), flags));
}

void do_removexattr(fuse_req_t request, fuse_ino_t node, const char* name) {
  reply(request, tree_of(request, node).remove_xattr(caller_of(request), node, name));
}

void do_statfs(fuse_req_t request, fuse_ino_t) {
  session_of(request).catch_up();
  const auto space = session_of(request).volume.space();
  if (!space.ok()) return reply(request, space.error());
  struct statvfs out {};
  out.f_bsize = space->block_size;
  out.f_frsize = space->block_size;
  out.f_blocks = space->blocks;
  out.f_bfree = space->free_blocks;
  out.f_bavail = space->available_blocks;
  out.f_files = space->files;
  out.f_ffree = space->free_files;
  out.f_favail = space->free_files;
  out.f_namemax = space->name_length;
  fuse_reply_statfs(request, &out);
}

}  // namespace

// Two are missing on purpose: flush (nothing is left to do at close), and locks, which the kernel
// keeps by itself for a file system of one machine.
const fuse_lowlevel_ops& fuse_operations() {
  static const fuse_lowlevel_ops operations = {
      .init = do_init,
      .lookup = do_lookup,
      .forget = do_forget,
      .getattr = do_getattr,
      .setattr = do_setattr,
      .readlink = do_readlink,
      .mknod = do_mknod,
      .mkdir = do_mkdir,
      .unlink = do_unlink,
      .rmdir = do_rmdir,
      .symlink = do_symlink,
      .rename = do_rename,
      .link = do_link,
      .open = do_open,
      .read = do_read,
      .write = do_write,
      .release = do_release,
      .fsync = do_fsync,
      .opendir = do_opendir,
      .readdir = do_readdir,
      .releasedir = do_releasedir,
      .fsyncdir = do_fsyncdir,
      .statfs = do_statfs,
      .setxattr = do_setxattr,
      .getxattr = do_getxattr,
      .listxattr = do_listxattr,
      .removexattr = do_removexattr,
      .create = do_create,
      .forget_multi = do_forget_multi,
      .fallocate = do_fallocate,
      .readdirplus = do_readdirplus,
      .copy_file_range = do_copy_file_range,
      .lseek = do_lseek,
  };
  return operations;
}

}  // namespace spindle
