#include "cli/face/disk_reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "spindle/policy/policy_library.h"

namespace spindle::cli {
namespace {

struct Request {
  double arrival = 0;
  std::uint64_t cylinder = 0;
};

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
  return a < b ? b - a : a - b;
}

/// The requests as they are served, with what waited beside each.
class DiskReasons {
 public:
  explicit DiskReasons(const Solved& solved)
      : solved_(solved),
        policy_(solved.policy->name),
        online_(solved.input().contains("requests")),
        at_(solved.parameters()["head"].get<std::uint64_t>()),
        up_(solved.parameters().value("direction", "up") == "up") {
    const Json& list = solved.input()[online_ ? "requests" : "queue"];
    if (list.is_array())
      for (const Json& item : list)
        requests_.push_back(
            online_ ? Request{as_number(item[0]), static_cast<std::uint64_t>(as_number(item[1]))}
                    : Request{0, static_cast<std::uint64_t>(as_number(item))});
    by_arrival_.resize(requests_.size());
    std::iota(by_arrival_.begin(), by_arrival_.end(), std::size_t{0});
    std::ranges::stable_sort(by_arrival_, {}, [&](std::size_t r) { return requests_[r].arrival; });
  }

  std::vector<std::string> sentences() {
    std::vector<std::string> out;
    if (requests_.empty() || !solved_.answer.contains("order")) return out;
    for (const Json& item : solved_.answer["order"]) {
      const std::size_t request = online_ ? item.get<std::size_t>() : find(item);
      take_arrivals();
      waiting_.erase({requests_[request].cylinder, request});
      out.push_back(sentence(request));
      if (online_) now_ = as_number(solved_.answer["completion"][request]);
    }
    return out;
  }

 private:
  /// The oldest request for the cylinder. Without arrivals, all requests wait from the start.
  std::size_t find(const Json& cylinder) {
    take_arrivals();
    return waiting_.lower_bound({cylinder.get<std::uint64_t>(), 0})->second;
  }

  /// Takes in the requests that have come by now; if none waits, the next that comes.
  void take_arrivals() {
    for (; arrived_ < by_arrival_.size(); ++arrived_) {
      const std::size_t next = by_arrival_[arrived_];
      if (!waiting_.empty() && now_ < requests_[next].arrival) break;
      now_ = std::max(now_, requests_[next].arrival);
      waiting_.insert({requests_[next].cylinder, next});
    }
  }

  [[nodiscard]] std::string others() const {
    const auto above = waiting_.lower_bound({at_, 0});
    std::string text;
    if (above != waiting_.end())
      text += fmt::format("{} is {} away upwards", above->first, above->first - at_);
    if (above != waiting_.begin()) {
      const std::uint64_t below = std::prev(above)->first;
      text +=
          fmt::format("{}{} is {} away downwards", text.empty() ? "" : ", ", below, at_ - below);
    }
    return text.empty() ? "no other waits" : text;
  }

  std::string sentence(std::size_t request) {
    const std::uint64_t to = requests_[request].cylinder;
    std::string text = online_ ? fmt::format("At {} ms: from {} to {}: ", shown(now_), at_, to)
                               : fmt::format("From {} to {}: ", at_, to);
    if (policy_ == "fcfs") {
      text += fmt::format("it is the oldest request, {} cylinders away.", distance(at_, to));
    } else if (policy_ == "sstf") {
      text += fmt::format("it is the nearest, {} cylinders away; {}.", distance(at_, to), others());
    } else if (policy_ == "v-r") {
      text += fmt::format("it is the nearest, {} cylinders away, turning counted as way; {}.",
                          distance(at_, to), others());
    } else if (is_policy_library(solved_.problem["algorithm"].get<std::string>())) {
      text +=
          fmt::format("{} picks it, {} cylinders away; {}.", policy_, distance(at_, to), others());
    } else if (policy_ == "deadline") {
      text += batch(request);
    } else {
      text += sweep(to);
    }
    at_ = to;
    return text;
  }

  /// The reason where requests are served upwards, and again from the lowest, unless one has waited
  /// too long.
  [[nodiscard]] std::string batch(std::size_t request) const {
    const std::uint64_t to = requests_[request].cylinder;
    const auto ahead = waiting_.lower_bound({at_, 0});
    if (at_ <= to && (ahead == waiting_.end() || to <= ahead->first))
      return "it is the next request upwards.";
    if (ahead == waiting_.end() && (waiting_.empty() || to <= waiting_.begin()->first))
      return "nothing waits further upwards; the next sweep begins with the lowest.";
    return fmt::format("its deadline is over: it has waited since {} ms.",
                       shown(requests_[request].arrival));
  }

  std::string sweep(std::uint64_t to) {
    const bool ahead = up_ ? at_ <= to : to <= at_;
    const std::string_view way = up_ ? "upwards" : "downwards";
    const bool steps = policy_ == "fscan" || policy_ == "n-step-scan";
    const std::string_view scope = steps ? " of this sweep" : "";
    if (ahead) return fmt::format("it is the next request{} {}.", scope, way);
    const bool to_edge = (policy_ == "scan" || policy_ == "c-scan") &&
                         solved_.parameters().value("turn", "edge") == "edge";
    const std::uint64_t last = solved_.parameters()["cylinders"].get<std::uint64_t>() - 1;
    std::string text = fmt::format("nothing{} waits further {}; the arm ", scope, way);
    if (to_edge) text += fmt::format("goes to the edge, {}, and ", up_ ? last : 0);
    if (policy_ == "c-scan" || policy_ == "c-look")
      return text +
             fmt::format("returns without serving, to the {} request.", up_ ? "lowest" : "highest");
    up_ = !up_;
    return text + fmt::format("turns; this is the first {}.", up_ ? "upwards" : "downwards");
  }

  const Solved& solved_;
  std::string_view policy_;
  bool online_;
  std::uint64_t at_;
  bool up_;
  double now_ = 0;
  std::size_t arrived_ = 0;
  std::vector<Request> requests_;
  std::vector<std::size_t> by_arrival_;
  std::set<std::pair<std::uint64_t, std::size_t>> waiting_;
};

}  // namespace

std::vector<std::string> disk_reasons(const Solved& solved) {
  return DiskReasons(solved).sentences();
}

}  // namespace spindle::cli
