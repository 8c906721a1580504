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

std::string_view body_of(const fuse_in_header& header, std::size_t size) {
  return {reinterpret_cast<const char*>(&header + 1), size - sizeof header};
}

/// Whether the kernel forgets control files alone, of which it keeps none for long.
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
  if (header.opcode != FUSE_LOOKUP || header.nodeid != kRootNode) return false;
  return body.substr(0, body.find('\0')) == kControlName;
}

void trace_request(SessionState& session, const fuse_in_header& header, std::size_t size) {
  if (active_trace == nullptr) return;
  const std::string_view body = body_of(header, size);
  thread::current_thread::set_tag(active_trace->new_request());
  const ByteRange range = range_of(header.opcode, body);
  active_trace->add(EventKind::kRequest,
                    {header.nodeid, range.offset, range.size, header.pid, header.uid},
                    request_name(header.opcode), path_of(session, header, body));
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
  // What has no request of its own (0) is a notice to the kernel.
  if (active_trace == nullptr || header.unique == 0 || thread::current_thread::tag() == 0) return;
  const std::uint64_t bytes = header.len - sizeof header;
  trace_event(EventKind::kReply, {static_cast<std::uint64_t>(-header.error), bytes});
}

}  // namespace spindle
