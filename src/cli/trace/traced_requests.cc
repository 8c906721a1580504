#include "cli/trace/traced_requests.h"

#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <utility>

namespace spindle::cli {

std::uint64_t TracedEvent::number(const char* field) const {
  const auto found = fields.find(field);
  return found != fields.end() && found->is_number() ? found->get<std::uint64_t>() : 0;
}

std::string TracedEvent::word(const char* field) const {
  const auto found = fields.find(field);
  return found != fields.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string TracedRequest::operation() const {
  return events.front().word(is_task() ? "what" : "operation");
}

const TracedEvent* TracedRequest::target() const {
  return events.size() > 1 && events[1].name == "target" ? &events[1] : nullptr;
}

namespace {

/// Whether it is the operation that was asked for, or a later version of it in the kernel: rename2,
/// copy_file_range_64.
bool is_operation(const std::string& operation, const std::string& asked) {
  return operation == asked || operation == asked + "2" || operation == asked + "_64";
}

}  // namespace

bool TraceFilter::takes(const TracedRequest& request) const {
  const TracedEvent& first = request.events.front();
  if (not_process != 0 && first.number("pid") == not_process) return false;
  if (is_empty()) return true;
  if (request.is_task()) return false;
  const auto is_asked = [operation = request.operation()](const std::string& asked) {
    return is_operation(operation, asked);
  };
  if (!operations.empty() && std::ranges::none_of(operations, is_asked)) return false;
  if (process && first.number("pid") != *process) return false;
  const auto matches = [this](const TracedEvent& event) {
    return ::fnmatch(path.c_str(), event.word("path").c_str(), 0) == 0;
  };
  const TracedEvent* target = request.target();
  return path.empty() || matches(first) || (target != nullptr && matches(*target));
}

void TracedRequests::add(const Json& event) {
  TracedEvent taken;
  taken.fields = event;
  taken.at_ns = event.value("at_ns", std::int64_t{0});
  taken.layer = event.value("layer", "");
  taken.name = event.value("event", "");
  if (taken.name == "lost") {
    lost_ += taken.number("events");
    return;
  }
  const std::uint64_t id = event.value("request", std::uint64_t{0});
  if (taken.name == "task" && taken.word("what") == "commit") commits_[taken.number("epoch")] = id;
  TracedRequest& request = by_id_[id];
  request.id = id;
  request.events.push_back(std::move(taken));
}

namespace {

bool has_beginning(const TracedRequest& request) {
  return request.is_task() || request.events.front().name == "request";
}

bool has_ended(const TracedRequest& request) {
  return std::ranges::any_of(request.events, [&](const TracedEvent& event) {
    return event.name == (request.is_task() ? "done" : "reply");
  });
}

std::set<std::uint64_t> epochs_waited_for(const TracedRequest& request) {
  std::set<std::uint64_t> epochs;
  for (const TracedEvent& event : request.events)
    if (event.name == "wait_epoch") epochs.insert(event.number("epoch"));
  return epochs;
}

}  // namespace

std::vector<const TracedRequest*> TracedRequests::requests() const {
  std::vector<const TracedRequest*> all;
  for (const auto& [id, request] : by_id_)
    if (id != 0 && has_beginning(request)) all.push_back(&request);
  return all;
}

const TracedRequest* TracedRequests::commit_of(std::uint64_t epoch) const {
  const auto commit = commits_.find(epoch);
  if (commit == commits_.end()) return nullptr;
  const auto found = by_id_.find(commit->second);
  return found == by_id_.end() ? nullptr : &found->second;
}

void TracedRequests::keep_only(const TraceFilter& filter) {
  std::set<std::uint64_t> kept;
  for (const TracedRequest* request : requests()) {
    if (!filter.takes(*request)) continue;
    kept.insert(request->id);
    for (const std::uint64_t epoch : epochs_waited_for(*request))
      if (const TracedRequest* commit = commit_of(epoch)) kept.insert(commit->id);
  }
  std::erase_if(by_id_, [&](const auto& entry) { return !kept.contains(entry.first); });
}

TracedRequests TracedRequests::take_ended() {
  TracedRequests ended;
  std::set<std::uint64_t> waited_for;
  for (const auto& [id, request] : by_id_)
    if (!has_ended(request)) waited_for.merge(epochs_waited_for(request));
  for (auto it = by_id_.begin(); it != by_id_.end();) {
    const TracedRequest& request = it->second;
    const bool lost = it->first == 0 || !has_beginning(request);
    const bool is_wanted =
        !lost && request.is_task() && waited_for.contains(request.events.front().number("epoch"));
    const auto next = std::next(it);
    if (lost || (has_ended(request) && !is_wanted)) ended.by_id_.insert(by_id_.extract(it));
    it = next;
  }
  for (auto it = commits_.begin(); it != commits_.end();) {
    const auto next = std::next(it);
    if (!by_id_.contains(it->second)) ended.commits_.insert(commits_.extract(it));
    it = next;
  }
  ended.lost_ = std::exchange(lost_, 0);
  return ended;
}

std::vector<Json> TracedRequests::events() const {
  std::vector<Json> all;
  for (const TracedRequest* request : requests())
    for (const TracedEvent& event : request->events) all.push_back(event.fields);
  std::ranges::stable_sort(
      all, {}, [](const Json& event) { return event.value("number", std::uint64_t{0}); });
  return all;
}

}  // namespace spindle::cli
