// The requests of a trace to the disk, for tools that know block traces.
#include <map>

#include "cli/mount/mount_control.h"
#include "cli/trace/traced_requests.h"
#include "spindle/trace/disk_trace_writer.h"

namespace spindle::cli {
namespace {

VirtualTime time_of(const Json& event, const char* field) {
  return {event.value(field, std::int64_t{0})};
}

}  // namespace

std::vector<ServedRequest> served_requests(const std::vector<Json>& events,
                                           std::uint64_t block_size) {
  std::map<std::uint64_t, std::uint32_t> processes;
  std::vector<ServedRequest> served;
  for (const Json& event : events) {
    const std::string name = event.value("event", "");
    const auto request = event.value("request", std::uint64_t{0});
    if (name == "request") processes[request] = event.value("pid", std::uint32_t{0});
    if (name != "serve") continue;
    ServedRequest one;
    one.arrival = time_of(event, "arrival_virtual_ns");
    one.begin = time_of(event, "begin_virtual_ns");
    one.finish = one.begin + time_of(event, "seek_ns") + time_of(event, "rotation_ns") +
                 time_of(event, "transfer_ns");
    one.start = event.value("block", std::uint64_t{0}) * block_size;
    one.length = event.value("blocks", std::uint64_t{0}) * block_size;
    one.process = processes[request];
    one.is_write = event.value("kind", "") == "write";
    served.push_back(one);
  }
  return served;
}

}  // namespace spindle::cli
