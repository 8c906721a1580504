#include "request_trace.h"

#include <algorithm>
#include <optional>

#include "protocol.h"
#include "spindle/base/event_trace.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

/// Bytes before the name in the body of a request; nothing if the request names no entry of a
/// directory.
std::optional<std::size_t> offset_of_name(std::uint32_t opcode) {
  switch (opcode) {
    case FUSE_LOOKUP:
    case FUSE_UNLINK:
    case FUSE_RMDIR:
    case FUSE_SYMLINK:
      return 0;
    case FUSE_MKNOD:
      return sizeof(fuse_mknod_in);
    case FUSE_MKDIR:
      return sizeof(fuse_mkdir_in);
    case FUSE_CREATE:
      return sizeof(fuse_create_in);
    case FUSE_LINK:
      return sizeof(fuse_link_in);
    case FUSE_RENAME:
      return sizeof(fuse_rename_in);
    case FUSE_RENAME2:
      return sizeof(fuse_rename2_in);
    default:
      return std::nullopt;
  }
}

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

template <class T>
const T* body_as(std::string_view body) {
  return body.size() < sizeof(T) ? nullptr : reinterpret_cast<const T*>(body.data());
}

ByteRange range_of(std::uint32_t opcode, std::string_view body) {
  switch (opcode) {
    case FUSE_READ:
    case FUSE_READDIR:
    case FUSE_READDIRPLUS:
      if (const auto* in = body_as<fuse_read_in>(body)) return {in->offset, in->size};
      break;
    case FUSE_WRITE:
      if (const auto* in = body_as<fuse_write_in>(body)) return {in->offset, in->size};
      break;
    case FUSE_FALLOCATE:
      if (const auto* in = body_as<fuse_fallocate_in>(body)) return {in->offset, in->length};
      break;
    case FUSE_SETATTR:
      if (const auto* in = body_as<fuse_setattr_in>(body)) return {0, in->size};
      break;
    case FUSE_COPY_FILE_RANGE:
    case protocol::kCopyFileRange64:
      if (const auto* in = body_as<fuse_copy_file_range_in>(body)) return {in->off_in, in->len};
      break;
    default:
      break;
  }
  return {};
}

/// The zero-terminated text at `offset`.
std::string_view text_at(std::string_view body, std::size_t offset) {
  const std::string_view rest = body.substr(offset);
  return rest.substr(0, rest.find('\0'));
}

std::string below(const std::string& directory, std::string_view name) {
  return (directory == "/" ? "" : directory.empty() ? "?" : directory) + "/" + std::string(name);
}

std::string path_of(SessionState& session, const fuse_in_header& header, std::string_view body) {
  std::string path = session.volume.path(header.nodeid);
  const auto offset = offset_of_name(header.opcode);
  if (!offset || *offset >= body.size()) return path;
  return below(path, text_at(body, *offset));
}

/// For a name, `node` is its directory; for a symbolic link's text it is 0.
struct Target {
  std::uint64_t node = 0;
  std::string path;
};

/// The second file or name that a request is about: the target of a rename, link or copy.
std::optional<Target> target_of(SessionState& session, const fuse_in_header& header,
                                std::string_view body) {
  const auto second_name = [&](std::size_t offset) {
    return text_at(body, std::min(body.size(), body.find('\0', offset) + 1));
  };
  const auto named = [&](std::uint64_t directory, std::size_t offset) {
    return Target{directory, below(session.volume.path(directory), second_name(offset))};
  };
  switch (header.opcode) {
    case FUSE_RENAME:
      if (const auto* in = body_as<fuse_rename_in>(body)) return named(in->newdir, sizeof *in);
      break;
    case FUSE_RENAME2:
      if (const auto* in = body_as<fuse_rename2_in>(body)) return named(in->newdir, sizeof *in);
      break;
    case FUSE_LINK:
      if (const auto* in = body_as<fuse_link_in>(body))
        return Target{in->oldnodeid, session.volume.path(in->oldnodeid)};
      break;
    case FUSE_SYMLINK:
      return Target{0, std::string(second_name(0))};
    case FUSE_COPY_FILE_RANGE:
    case protocol::kCopyFileRange64:
      if (const auto* in = body_as<fuse_copy_file_range_in>(body))
        return Target{in->nodeid_out, session.volume.path(in->nodeid_out)};
      break;
    default:
      break;
  }
  return std::nullopt;
}

std::string_view body_of(const fuse_in_header& header, std::size_t size) {
  return {reinterpret_cast<const char*>(&header + 1), size - sizeof header};
}

/// Whether the kernel forgets only control files, none of which it keeps for long.
bool forgets_control(std::string_view body) {
  const auto* head = body_as<fuse_batch_forget_in>(body);
  if (head == nullptr || head->count == 0) return false;
  body.remove_prefix(sizeof *head);
  for (std::uint32_t i = 0; i < head->count; ++i) {
    const auto* one = body_as<fuse_forget_one>(body);
    if (one == nullptr || (one->nodeid & kControlBit) == 0) return false;
    body.remove_prefix(sizeof *one);
  }
  return true;
}

bool is_for_content(std::uint32_t opcode) {
  switch (opcode) {
    case FUSE_OPEN:
    case FUSE_READ:
    case FUSE_WRITE:
    case FUSE_FSYNC:
    case FUSE_FALLOCATE:
    case FUSE_COPY_FILE_RANGE:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool concerns_control(const fuse_in_header& header, std::size_t size) {
  if ((header.nodeid & kControlBit) != 0) return true;
  const std::string_view body = body_of(header, size);
  if (header.opcode == FUSE_BATCH_FORGET) return forgets_control(body);
  return header.opcode == FUSE_LOOKUP &&
         is_control_name(header.nodeid, body.substr(0, body.find('\0')));
}

void trace_request(SessionState& session, const fuse_in_header& header, std::size_t size) {
  if (active_trace == nullptr) return;
  const std::string_view body = body_of(header, size);
  thread::current_thread::set_tag(active_trace->new_request());
  const ByteRange range = range_of(header.opcode, body);
  active_trace->add(EventKind::kRequest,
                    {header.nodeid, range.offset, range.size, header.pid, header.uid},
                    request_name(header.opcode), path_of(session, header, body));
  if (const auto target = target_of(session, header, body))
    active_trace->add(EventKind::kTarget, {target->node}, "", target->path);
}

void count_file(BusyFiles& files, const fuse_in_header& header, std::size_t size,
                std::int64_t now_ns) {
  if (!is_for_content(header.opcode)) return;
  const std::uint64_t bytes = range_of(header.opcode, body_of(header, size)).size;
  files.add({.node = header.nodeid,
             .read_bytes = header.opcode == FUSE_READ ? bytes : 0,
             .written_bytes = header.opcode == FUSE_WRITE ? bytes : 0,
             .now_ns = now_ns});
}

void trace_reply(const fuse_out_header& header) {
  // An answer without a request (0) is a notice to the kernel.
  if (active_trace == nullptr || header.unique == 0 || thread::current_thread::tag() == 0) return;
  const std::uint64_t bytes = header.len - sizeof header;
  trace_event(EventKind::kReply, {static_cast<std::uint64_t>(-header.error), bytes});
}

}  // namespace spindle
