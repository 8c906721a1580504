#include "spindle/trace/disk_trace_writer.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "blktrace_record.h"

namespace spindle {
namespace {

constexpr std::uint32_t kDevice = 8U << 20;  ///< 8,0: the first SCSI disk

std::vector<ServedRequest> by_arrival(std::span<const ServedRequest> requests) {
  std::vector<ServedRequest> sorted(requests.begin(), requests.end());
  std::ranges::stable_sort(sorted, {}, &ServedRequest::arrival);
  return sorted;
}

struct BlktraceEvent {
  VirtualTime at;
  BlktraceAction action{};
  std::uint32_t category = 0;
  const ServedRequest* request = nullptr;
};

std::vector<BlktraceEvent> events_of(const std::vector<ServedRequest>& requests) {
  using Action = BlktraceAction;
  std::vector<BlktraceEvent> events;
  events.reserve(5 * requests.size());
  for (const ServedRequest& request : requests) {
    for (const Action action : {Action::kQueued, Action::kAllocated, Action::kInserted})
      events.push_back({request.arrival, action, kBlktraceQueue, &request});
    events.push_back({request.begin, Action::kIssued, kBlktraceIssue, &request});
    events.push_back({request.finish, Action::kCompleted, kBlktraceComplete, &request});
  }
  std::ranges::stable_sort(events, {}, &BlktraceEvent::at);
  return events;
}

std::string blktrace_records(const std::vector<ServedRequest>& requests) {
  std::string out;
  std::uint32_t sequence = 0;
  for (const BlktraceEvent& event : events_of(requests)) {
    const ServedRequest& request = *event.request;
    BlktraceRecord record{};
    record.magic = kBlktraceMagic;
    record.sequence = ++sequence;
    record.time_ns = static_cast<std::uint64_t>(event.at.ns);
    record.sector = request.start / kSectorBytes;
    record.bytes = static_cast<std::uint32_t>(request.length);
    record.action = static_cast<std::uint32_t>(event.action) | event.category |
                    (request.is_write ? kBlktraceWrite : kBlktraceRead);
    record.process = request.process;
    record.device = kDevice;
    out.append(reinterpret_cast<const char*>(&record), sizeof record);
  }
  return out;
}

template <class... Values>
void print(std::string& out, const char* form, Values... values) {
  char line[160];
  out.append(line, static_cast<std::size_t>(std::snprintf(line, sizeof line, form, values...)));
}

std::string fio_log(const std::vector<ServedRequest>& requests) {
  std::string out = "fio version 3 iolog\n0 /dev/sda add\n0 /dev/sda open\n";
  std::int64_t last_ms = 0;
  for (const ServedRequest& request : requests) {
    last_ms = request.arrival.ns / 1'000'000;
    print(out, "%lld /dev/sda %s %llu %llu\n", static_cast<long long>(last_ms),
          request.is_write ? "write" : "read", static_cast<unsigned long long>(request.start),
          static_cast<unsigned long long>(request.length));
  }
  print(out, "%lld /dev/sda close\n", static_cast<long long>(last_ms));
  return out;
}

std::string disksim_lines(const std::vector<ServedRequest>& requests) {
  std::string out;
  for (const ServedRequest& request : requests)
    print(out, "%lld.%06lld 0 %llu %llu %d\n",
          static_cast<long long>(request.arrival.ns / 1'000'000),
          static_cast<long long>(request.arrival.ns % 1'000'000),
          static_cast<unsigned long long>(request.start / kSectorBytes),
          static_cast<unsigned long long>(request.length / kSectorBytes), request.is_write ? 0 : 1);
  return out;
}

}  // namespace

Result<std::string> disk_trace_text(DiskFormat format, std::span<const ServedRequest> requests) {
  const std::vector<ServedRequest> sorted = by_arrival(requests);
  switch (format) {
    case DiskFormat::kBlktrace:
      return blktrace_records(sorted);
    case DiskFormat::kFio:
      return fio_log(sorted);
    case DiskFormat::kDiskSim:
      return disksim_lines(sorted);
    default:
      return Error{EINVAL, "traces of this format are only read"};
  }
}

}  // namespace spindle
