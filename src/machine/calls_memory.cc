// Calls about memory. Addresses are of the process's own space.

#include "calls.h"
#include "kernel.h"
#include "paging.h"

namespace spindle {
namespace {

VirtualAddress address_of(const Thread& thread) {
  return VirtualAddress{static_cast<std::uint64_t>(thread.request.numbers[0])};
}

/// "rwx" or some of it.
Protection protection_of(const std::string& text) {
  return {.read = text.find('r') != std::string::npos,
          .write = text.find('w') != std::string::npos,
          .execute = text.find('x') != std::string::npos};
}

/// What a mapping of the descriptor is: its file, and whether that allows it.
Result<MapRequest> file_request(Kernel& kernel, const Thread& thread, std::int64_t descriptor,
                                const Protection& protection, bool shared) {
  const auto found = thread.process->descriptors.find(static_cast<int>(descriptor));
  if (found == thread.process->descriptors.end())
    return Error{EBADF, "there is no such descriptor"};
  const OpenFile& file = *found->second;
  if (file.kind != OpenFile::Kind::kFile) return Error{ENODEV, "it is not a file"};
  if (!file.may_read || (shared && protection.write && !file.may_write))
    return Error{EACCES, "the descriptor does not allow that"};
  MapRequest request{.kind = AreaKind::kFile, .file = InodeNo{file.file}};
  request.file_bytes = TRY(kernel.host.size(file.file));
  request.name = kernel.host.real_path(file.path);
  return request;
}

bool exceeds(const Thread& thread, const Kernel& kernel, std::uint64_t bytes) {
  const std::uint64_t limit = thread.process->limits[kLimitMemory].soft;
  if (limit == kUnlimited) return false;
  const std::uint64_t size = kernel.paging->memory().statistics(thread.process->space).size;
  return bytes > limit || size > limit - bytes;
}

}  // namespace

/// numbers: bytes, 1 shared, descriptor (-1: none), offset. text: protection. Answers the address.
Outcome call_map(Kernel& kernel, Thread& thread) {
  const auto [bytes, shared, descriptor, offset] = thread.request.numbers;
  if (bytes <= 0 || offset < 0) return Error{EINVAL, "the length is not above 0"};
  if (exceeds(thread, kernel, static_cast<std::uint64_t>(bytes)))
    return Error{ENOMEM, "the process would have more memory than the limit allows"};
  const Protection protection = protection_of(thread.request.text);
  MapRequest request;
  if (descriptor >= 0) {
    auto made = file_request(kernel, thread, descriptor, protection, shared != 0);
    if (!made.ok()) return made.error();
    request = std::move(made).take();
  }
  request.bytes = static_cast<std::uint64_t>(bytes);
  request.offset = static_cast<std::uint64_t>(offset);
  request.protection = protection;
  request.shared = shared != 0;
  const auto start = kernel.paging->map(*thread.process, request);
  if (!start.ok()) return start.error();
  return Response::of(static_cast<std::int64_t>(start->value));
}

/// numbers: address, bytes.
Outcome call_unmap(Kernel& kernel, Thread& thread) {
  const auto bytes = static_cast<std::uint64_t>(thread.request.numbers[1]);
  return Response::of(
      kernel.paging->memory().unmap(thread.process->space, address_of(thread), bytes));
}

/// numbers: address, bytes. text: protection.
Outcome call_protect(Kernel& kernel, Thread& thread) {
  const auto bytes = static_cast<std::uint64_t>(thread.request.numbers[1]);
  return Response::of(kernel.paging->memory().protect(thread.process->space, address_of(thread),
                                                      bytes, protection_of(thread.request.text)));
}

/// numbers: where the heap shall end; 0: as it is. Answers where it ends, and where it starts.
Outcome call_break(Kernel& kernel, Thread& thread) {
  Process& process = *thread.process;
  const VirtualAddress end = address_of(thread);
  if (end) {
    if (end > process.heap_end && exceeds(thread, kernel, end - process.heap_end))
      return Error{ENOMEM, "the process would have more memory than the limit allows"};
    const auto moved = kernel.paging->set_break(process, end);
    if (!moved.ok()) return moved.error();
    process.heap_end = end;
  }
  Response response = Response::of(static_cast<std::int64_t>(process.heap_end.value));
  response.numbers[1] = static_cast<std::int64_t>(process.heap.value);
  response.number_count = 2;
  return response;
}

/// numbers: address, AccessKind.
Outcome call_touch(Kernel& kernel, Thread& thread) {
  const auto kind = static_cast<AccessKind>(thread.request.numbers[1]);
  return kernel.paging->access(thread, {.address = address_of(thread), .kind = kind});
}

/// numbers: address. Answers the 8 bytes there.
Outcome call_load(Kernel& kernel, Thread& thread) {
  return kernel.paging->access(thread, {.address = address_of(thread), .load = true});
}

/// numbers: address, value.
Outcome call_store(Kernel& kernel, Thread& thread) {
  const auto value = static_cast<std::uint64_t>(thread.request.numbers[1]);
  return kernel.paging->access(
      thread, {.address = address_of(thread), .kind = AccessKind::kWrite, .store = value});
}

/// text: name. numbers: bytes. Answers the address at which it is mapped.
Outcome call_shared_memory(Kernel& kernel, Thread& thread) {
  const std::int64_t bytes = thread.request.numbers[0];
  if (bytes <= 0) return Error{EINVAL, "the length is not above 0"};
  const auto start = kernel.paging->map_segment(*thread.process, thread.request.text,
                                                static_cast<std::uint64_t>(bytes));
  if (!start.ok()) return start.error();
  return Response::of(static_cast<std::int64_t>(start->value));
}

/// text: name. Those who have it mapped keep it; the name is free.
Outcome call_shared_memory_remove(Kernel& kernel, Thread& thread) {
  const auto removed = kernel.paging->remove_segment(thread.request.text);
  return removed.ok() ? Response::nothing() : Response::of(removed.error());
}

}  // namespace spindle
