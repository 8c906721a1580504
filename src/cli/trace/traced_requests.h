// TracedRequests: the events of a mount's trace, put together by request.
//
//   TracedRequests traced;
//   for (const Json& event : control.json("trace")) traced.add(event);
//   traced.keep_only(filter);
//   fmt::print("{}", tree_text(traced, style));
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/words.h"
#include "spindle/chart/text_style.h"
#include "spindle/trace/disk_trace_writer.h"

namespace spindle::cli {

struct TracedEvent {
  std::int64_t at_ns = 0;
  std::string layer;
  std::string name;
  Json fields;  ///< the whole event

  [[nodiscard]] std::uint64_t number(const char* field) const;
  [[nodiscard]] std::string word(const char* field) const;
};

/// A request of the kernel, or work of the daemon's own, with all that happened for its sake.
struct TracedRequest {
  std::uint64_t id = 0;
  std::vector<TracedEvent> events;  ///< in order of time; the first says what it is

  [[nodiscard]] bool is_task() const { return events.front().name == "task"; }
  /// The name of the operation: "write", "commit".
  [[nodiscard]] std::string operation() const;
  /// The file or name to which it renames, links or copies; null if there is none.
  [[nodiscard]] const TracedEvent* target() const;
  [[nodiscard]] std::int64_t began_ns() const { return events.front().at_ns; }
  [[nodiscard]] std::int64_t ended_ns() const { return events.back().at_ns; }
};

struct TraceFilter {
  std::vector<std::string> operations;  ///< empty: all
  std::string path;                     ///< a glob; empty: all
  std::optional<std::uint64_t> process;
  std::uint64_t not_process = 0;  ///< the process that reads the trace

  [[nodiscard]] bool is_empty() const {
    return operations.empty() && path.empty() && !process.has_value();
  }
  [[nodiscard]] bool takes(const TracedRequest& request) const;
};

class TracedRequests {
 public:
  /// To be called in the order of the events.
  void add(const Json& event);
  /// How many events the trace had no room for.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  /// Drops the requests that the filter does not take, and work for which no other request waited.
  void keep_only(const TraceFilter& filter);
  /// Removes and returns the requests that have ended, with what they waited for; for a trace that
  /// goes on.
  [[nodiscard]] TracedRequests take_ended();

  /// By number, and so in the order in which they began. A request whose beginning was lost is not
  /// among them.
  [[nodiscard]] std::vector<const TracedRequest*> requests() const;
  /// The commit that made the epoch durable; null if it is not in the trace.
  [[nodiscard]] const TracedRequest* commit_of(std::uint64_t epoch) const;
  [[nodiscard]] std::vector<Json> events() const;  ///< of all requests, in order
  [[nodiscard]] bool empty() const { return requests().empty(); }

 private:
  std::map<std::uint64_t, TracedRequest> by_id_;
  std::map<std::uint64_t, std::uint64_t> commits_;  ///< the request that made an epoch durable
  std::uint64_t lost_ = 0;
};

/// The trace as a person reads it: a line for each event below its request, with times; a commit
/// below the request that waits for it.
std::string tree_text(const TracedRequests& traced, const chart::TextStyle& style);
/// For chrome://tracing and https://ui.perfetto.dev: requests and the disk as rows.
std::string chrome_json(const TracedRequests& traced);
/// The requests that the disk has served, in virtual time.
std::vector<ServedRequest> served_requests(const std::vector<Json>& events,
                                           std::uint64_t block_size);
/// An event as a clause: "evicts blocks 812 to 815".
std::string clause_of(const TracedEvent& event);

}  // namespace spindle::cli
