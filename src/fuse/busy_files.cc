#include "spindle/fuse/busy_files.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace spindle {
namespace {

/// Scores are brought down in steps of this time.
constexpr std::int64_t kStepNs = 1'000'000'000;

}  // namespace

void BusyFiles::add(const Request& request) {
  if (request.now_ns - faded_ns_ >= kStepNs) fade(request.now_ns);
  const std::size_t place = place_of(request.node);
  ++scores_[place];
  File& file = files_[place];
  ++file.requests;
  file.read_bytes += request.read_bytes;
  file.written_bytes += request.written_bytes;
}

void BusyFiles::forget(NodeId node) {
  const auto found = std::ranges::find(nodes_, node);
  if (found == nodes_.end()) return;
  const auto place = static_cast<std::size_t>(found - nodes_.begin());
  nodes_[place] = 0;
  scores_[place] = 0;
  files_[place] = {};
}

void BusyFiles::fade(std::int64_t now_ns) {
  const double factor =
      std::exp2(-static_cast<double>(now_ns - faded_ns_) / static_cast<double>(kHalfLifeNs));
  for (double& score : scores_) score *= factor;
  faded_ns_ = now_ns;
}

std::size_t BusyFiles::place_of(NodeId node) {
  const auto found = std::ranges::find(nodes_, node);
  if (found != nodes_.end()) return static_cast<std::size_t>(found - nodes_.begin());
  const auto place = static_cast<std::size_t>(std::ranges::min_element(scores_) - scores_.begin());
  nodes_[place] = node;
  files_[place] = {.node = node, .entered = entries_++};
  return place;
}

std::vector<BusyFiles::File> BusyFiles::rows() const {
  std::array<std::size_t, kMost> order;
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, std::ranges::greater(), [this](std::size_t i) { return scores_[i]; });
  std::vector<File> rows;
  for (const std::size_t i : order) {
    if (files_[i].node != 0) rows.push_back(files_[i]);
  }
  return rows;
}

}  // namespace spindle
