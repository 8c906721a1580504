// The trace as Chrome trace events. Process 1 has the requests, in as many rows as run side by
// side, process 2 the daemon's own work, process 3 the disk in virtual time. Both times begin with
// the first event: if the two clocks were far apart, a viewer would show nothing but two dots.
#include <algorithm>
#include <limits>
#include <map>

#include "cli/trace/traced_requests.h"
#include "spindle/base/json_text.h"

namespace spindle::cli {
namespace {

constexpr int kRequests = 1;
constexpr int kBackground = 2;
constexpr int kDisk = 3;

double microseconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

Json name_of(const char* kind, int process, std::uint64_t row, const std::string& name) {
  return {{"name", kind}, {"ph", "M"}, {"pid", process}, {"tid", row}, {"args", {{"name", name}}}};
}

/// Rows in which spans that overlap in time stand below one another.
class Rows {
 public:
  std::uint64_t take(std::int64_t from_ns, std::int64_t to_ns) {
    for (std::size_t i = 0; i < free_from_ns_.size(); ++i) {
      if (free_from_ns_[i] > from_ns) continue;
      free_from_ns_[i] = to_ns;
      return i + 1;
    }
    free_from_ns_.push_back(to_ns);
    return free_from_ns_.size();
  }

 private:
  std::vector<std::int64_t> free_from_ns_;
};

Json span(const std::string& name, int process, std::uint64_t row, std::int64_t from_ns,
          std::int64_t length_ns, Json arguments) {
  return {{"name", name},
          {"ph", "X"},
          {"pid", process},
          {"tid", row},
          {"ts", microseconds(from_ns)},
          {"dur", microseconds(length_ns)},
          {"args", std::move(arguments)}};
}

/// The moments at which the two times begin.
struct Zero {
  std::int64_t at_ns = std::numeric_limits<std::int64_t>::max();
  std::int64_t virtual_ns = std::numeric_limits<std::int64_t>::max();
};

Zero zero_of(const std::vector<const TracedRequest*>& requests) {
  Zero zero;
  for (const TracedRequest* request : requests) {
    zero.at_ns = std::min(zero.at_ns, request->began_ns());
    for (const TracedEvent& event : request->events) {
      if (event.name != "serve") continue;
      const auto begin_ns = static_cast<std::int64_t>(event.number("begin_virtual_ns"));
      zero.virtual_ns = std::min(zero.virtual_ns, begin_ns);
    }
  }
  return zero;
}

void add_disk_span(const TracedEvent& event, const Zero& zero, Json& list) {
  const auto ns = [&](const char* field) { return static_cast<std::int64_t>(event.number(field)); };
  std::int64_t at_ns = ns("begin_virtual_ns") - zero.virtual_ns;
  for (const char* phase : {"seek_ns", "rotation_ns", "transfer_ns"}) {
    const std::int64_t length_ns = ns(phase);
    if (length_ns == 0) continue;
    std::string name = phase;
    name.resize(name.size() - 3);
    list.push_back(span(name, kDisk, 1, at_ns, length_ns, event.fields));
    at_ns += length_ns;
  }
}

void add_request(const TracedRequest& request, std::uint64_t row, const Zero& zero, Json& list) {
  const int process = request.is_task() ? kBackground : kRequests;
  const TracedEvent& first = request.events.front();
  const std::string path = first.word("path");
  list.push_back(span(request.operation() + (path.empty() ? "" : " " + path), process, row,
                      request.began_ns() - zero.at_ns, request.ended_ns() - request.began_ns(),
                      first.fields));
  for (std::size_t i = 1; i < request.events.size(); ++i) {
    const TracedEvent& event = request.events[i];
    list.push_back({{"name", event.layer + ": " + event.name},
                    {"ph", "i"},
                    {"s", "t"},
                    {"pid", process},
                    {"tid", row},
                    {"ts", microseconds(event.at_ns - zero.at_ns)},
                    {"args", event.fields}});
    if (event.name == "serve") add_disk_span(event, zero, list);
  }
}

}  // namespace

std::string chrome_json(const TracedRequests& traced) {
  Json list = Json::array();
  list.push_back(name_of("process_name", kRequests, 0, "requests"));
  list.push_back(name_of("process_name", kBackground, 0, "background"));
  list.push_back(name_of("process_name", kDisk, 0, "disk (virtual time)"));
  list.push_back(name_of("thread_name", kDisk, 1, "arm"));
  std::map<bool, Rows> rows;
  const auto requests = traced.requests();
  const Zero zero = zero_of(requests);
  for (const TracedRequest* request : requests) {
    const std::uint64_t row =
        rows[request->is_task()].take(request->began_ns(), request->ended_ns());
    add_request(*request, row, zero, list);
  }
  const Json whole = {{"traceEvents", std::move(list)}, {"displayTimeUnit", "ns"}};
  return json_text(whole, kOneLine) + "\n";
}

}  // namespace spindle::cli
