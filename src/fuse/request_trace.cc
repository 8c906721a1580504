#include "request_trace.h"

#include <cstring>
#include <optional>

#include "spindle/base/event_trace.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

/// Bytes before the name in the body of a request; nothing if it has no name of a directory.
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
    default:
      break;
  }
  return {};
}

std::string path_of(SessionState& session, const fuse_in_header& header, std::string_view body) {
  std::string path = session.volume.path(header.nodeid);
  const auto offset = offset_of_name(header.opcode);
  if (!offset || *offset >= body.size()) return path;
  const std::string_view rest = body.substr(*offset);
  const std::string_view name = rest.substr(0, rest.find('\0'));
  return (path == "/" ? "" : path.empty() ? "?" : path) + "/" + std::string(name);
}

bool concerns_control(const fuse_in_header& header, std::string_view body) {
  if ((header.nodeid & kControlBit) != 0) return true;
  if (header.opcode != FUSE_LOOKUP || header.nodeid != kRootNode) return false;
  return body.substr(0, body.find('\0')) == kControlName;
}

}  // namespace

void trace_request(SessionState& session, const fuse_in_header& header, std::size_t size) {
  if (active_trace == nullptr) return;
  const std::string_view body(reinterpret_cast<const char*>(&header + 1), size - sizeof header);
  if (concerns_control(header, body)) return;
  thread::current_thread::set_tag(active_trace->new_request());
  const ByteRange range = range_of(header.opcode, body);
  active_trace->add(EventKind::kRequest,
                    {header.nodeid, range.offset, range.size, header.pid, header.uid},
                    request_name(header.opcode), path_of(session, header, body));
}

void trace_reply(const fuse_out_header& header) {
  // What has no request of its own (0) is a notice to the kernel.
  if (active_trace == nullptr || header.unique == 0 || thread::current_thread::tag() == 0) return;
  const std::uint64_t bytes = header.len - sizeof header;
  trace_event(EventKind::kReply, {static_cast<std::uint64_t>(-header.error), bytes});
}

}  // namespace spindle
