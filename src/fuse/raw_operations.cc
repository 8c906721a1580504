// FUSE_STATX and FUSE_TMPFILE, which libfuse 3.14 answers with ENOSYS, and FUSE_SETXATTR in the
// form that it does not know: decoded here from the raw request.

#include <fcntl.h>

#include "protocol.h"
#include "session_state.h"

namespace spindle {
namespace {

/// The request's argument, if it is long enough to hold one.
template <class T>
const T* argument(const fuse_in_header& header) {
  if (header.len < sizeof header + sizeof(T)) return nullptr;
  return reinterpret_cast<const T*>(&header + 1);
}

Caller caller_of(const fuse_in_header& header) {
  Caller caller;
  caller.uid = header.uid;
  caller.gid = header.gid;
  caller.process = static_cast<std::int32_t>(header.pid);
  return caller;
}

protocol::StatxTime to_statx(const Timestamp& time) {
  return {time.seconds, time.nanoseconds, 0};
}

fuse_attr to_attr(const Attributes& a) {
  fuse_attr out{};
  out.ino = a.inode();
  out.size = a.size;
  out.blocks = a.sectors;
  out.atime = static_cast<std::uint64_t>(a.accessed.seconds);
  out.mtime = static_cast<std::uint64_t>(a.modified.seconds);
  out.ctime = static_cast<std::uint64_t>(a.changed.seconds);
  out.atimensec = a.accessed.nanoseconds;
  out.mtimensec = a.modified.nanoseconds;
  out.ctimensec = a.changed.nanoseconds;
  out.mode = a.mode;
  out.nlink = a.links;
  out.uid = a.uid;
  out.gid = a.gid;
  out.blksize = a.block_size;
  return out;
}

template <class T>
void reply_with(SessionState& session, const fuse_in_header& header, const T& body) {
  reply_raw(session, header.unique, 0, std::as_bytes(std::span(&body, 1)));
}

}  // namespace

void serve_statx(SessionState& session, const fuse_in_header& header) {
  const auto* in = argument<protocol::StatxIn>(header);
  if (in == nullptr) return reply_raw(session, header.unique, EINVAL, {});
  const auto result = session.tree(header.nodeid).attributes(header.nodeid);
  if (!result.ok()) return reply_raw(session, header.unique, result.code(), {});
  const Attributes& a = *result;

  protocol::StatxOut out{};
  out.valid_seconds = static_cast<std::uint64_t>(session.validity_seconds(a.node));
  out.mask = 0xFFF;  // the basic attributes and the birth time
  out.block_size = a.block_size;
  out.links = a.links;
  out.uid = a.uid;
  out.gid = a.gid;
  out.mode = static_cast<std::uint16_t>(a.mode);
  out.inode = a.inode();
  out.size = a.size;
  out.sectors = a.sectors;
  out.accessed = to_statx(a.accessed);
  out.born = to_statx(a.born);
  out.changed = to_statx(a.changed);
  out.modified = to_statx(a.modified);
  out.device_major = a.device_major;
  out.device_minor = a.device_minor;
  reply_with(session, header, out);
}

void serve_temporary_file(SessionState& session, const fuse_in_header& header) {
  const auto* in = argument<fuse_create_in>(header);
  if (in == nullptr) return reply_raw(session, header.unique, EINVAL, {});
  Caller caller = caller_of(header);
  caller.umask = in->umask;
  const auto result = session.tree(header.nodeid).temporary_file(caller, header.nodeid, in->mode);
  if (!result.ok()) return reply_raw(session, header.unique, result.code(), {});
  session.busy_files.forget(result->node);

  struct {
    fuse_entry_out entry;
    fuse_open_out open;
  } out{};
  out.entry.nodeid = result->node;
  out.entry.generation = result->generation;
  out.entry.entry_valid = static_cast<std::uint64_t>(kValidForever);
  out.entry.attr_valid = static_cast<std::uint64_t>(kValidForever);
  out.entry.attr = to_attr(*result);
  out.open.fh = in->flags & O_ACCMODE;
  out.open.open_flags = FOPEN_KEEP_CACHE;
  if (out.open.fh != O_RDONLY) session.open_writers.add(result->node);
  reply_with(session, header, out);
}

void serve_set_xattr(SessionState& session, const fuse_in_header& header) {
  const auto* in = argument<fuse_setxattr_in>(header);
  if (in == nullptr) return reply_raw(session, header.unique, EINVAL, {});
  // The name, a zero byte, the value.
  std::string_view rest(reinterpret_cast<const char*>(in + 1),
                        header.len - sizeof header - sizeof *in);
  const std::string_view name = rest.substr(0, rest.find('\0'));
  if (name.size() == rest.size() || rest.size() - name.size() - 1 < in->size) {
    return reply_raw(session, header.unique, EINVAL, {});
  }
  const std::string_view value = rest.substr(name.size() + 1, in->size);
  Caller caller = caller_of(header);
  caller.is_group_member = (in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) == 0;
  Interruption interruption;  // of the conversion of a large file
  caller.interruption = &interruption;
  session.raw_interruptible.emplace(header.unique, &interruption);
  const auto set = session.tree(header.nodeid)
                       .set_xattr(caller, header.nodeid, name, std::as_bytes(std::span(value)),
                                  static_cast<int>(in->flags));
  session.raw_interruptible.erase(header.unique);
  reply_raw(session, header.unique, set.code(), {});
}

bool serve_interrupt(SessionState& session, const fuse_in_header& header) {
  const auto* in = argument<fuse_interrupt_in>(header);
  const auto found =
      in != nullptr ? session.raw_interruptible.find(in->unique) : session.raw_interruptible.end();
  if (found == session.raw_interruptible.end()) return false;
  found->second->interrupt();
  return true;
}

}  // namespace spindle
