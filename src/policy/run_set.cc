#include "spindle/policy/run_set.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <tuple>

#include "spindle/base/check.h"

namespace spindle {
namespace {

/// The heap order of the treaps. A hash of the node's number needs no memory, and is as good as a
/// random number, for whoever lays out the runs does not choose the nodes' numbers.
std::uint32_t priority(std::uint32_t node) {
  std::uint64_t x = node * 0x9E3779B97F4A7C15ull;
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ull;
  return static_cast<std::uint32_t>(x >> 32);
}

bool above(std::uint32_t a, std::uint32_t b) {
  return std::pair(priority(a), a) > std::pair(priority(b), b);
}

}  // namespace

RunSet::RunSet() : nodes_(1) {}

void RunSet::clear() {
  *this = RunSet();
}

template <RunSet::Order kOrder>
bool RunSet::less(const Run& a, const Run& b) const {
  if constexpr (kOrder == kByPlace) return a.start < b.start;
  return std::tie(a.length, a.start) < std::tie(b.length, b.start);
}

template <RunSet::Order kOrder>
void RunSet::update(Index node) {
  if constexpr (kOrder == kByPlace) {
    Node& n = nodes_[node];
    n.longest = std::max({n.run.length, nodes_[n.links[kByPlace].left].longest,
                          nodes_[n.links[kByPlace].right].longest});
  }
}

/// Divides a tree into what is less than `at` and the rest.
template <RunSet::Order kOrder>
void RunSet::split(Index root, const Run& at, Index& left, Index& right) {
  if (root == kNil) {
    left = right = kNil;
    return;
  }
  Links& links = nodes_[root].links[kOrder];
  if (less<kOrder>(nodes_[root].run, at)) {
    left = root;
    split<kOrder>(links.right, at, links.right, right);
  } else {
    right = root;
    split<kOrder>(links.left, at, left, links.left);
  }
  update<kOrder>(root);
}

template <RunSet::Order kOrder>
RunSet::Index RunSet::merge(Index left, Index right) {
  if (left == kNil || right == kNil) return left == kNil ? right : left;
  const bool left_on_top = above(left, right);
  const Index top = left_on_top ? left : right;
  Links& links = nodes_[top].links[kOrder];
  if (left_on_top)
    links.right = merge<kOrder>(links.right, right);
  else
    links.left = merge<kOrder>(left, links.left);
  update<kOrder>(top);
  return top;
}

template <RunSet::Order kOrder>
void RunSet::insert(Index& root, Index node) {
  if (root == kNil || above(node, root)) {
    Links& links = nodes_[node].links[kOrder];
    split<kOrder>(root, nodes_[node].run, links.left, links.right);
    update<kOrder>(node);
    root = node;
    return;
  }
  Links& links = nodes_[root].links[kOrder];
  const bool to_left = less<kOrder>(nodes_[node].run, nodes_[root].run);
  insert<kOrder>(to_left ? links.left : links.right, node);
  update<kOrder>(root);
}

template <RunSet::Order kOrder>
void RunSet::erase(Index& root, Index node) {
  CHECK(root != kNil);
  Links& links = nodes_[root].links[kOrder];
  if (root == node) {
    root = merge<kOrder>(links.left, links.right);
    return;
  }
  const bool to_left = less<kOrder>(nodes_[node].run, nodes_[root].run);
  erase<kOrder>(to_left ? links.left : links.right, node);
  update<kOrder>(root);
}

/// Makes `longest` right again from `node` up to `root`, after the node's length changed.
void RunSet::refresh(Index root, Index node) {
  if (root != node) {
    const Links& links = nodes_[root].links[kByPlace];
    const bool to_left = nodes_[node].run.start < nodes_[root].run.start;
    refresh(to_left ? links.left : links.right, node);
  }
  update<kByPlace>(root);
}

/// Gives a node another run that has the same place in the order of places.
void RunSet::resize(Index node, Run run) {
  erase<kByLength>(roots_[kByLength], node);
  nodes_[node].run = run;
  insert<kByLength>(roots_[kByLength], node);
  refresh(roots_[kByPlace], node);
}

void RunSet::make(Run run) {
  Index node = free_;
  if (node != kNil) {
    free_ = nodes_[node].links[kByPlace].left;
  } else {
    CHECK(nodes_.size() < std::numeric_limits<Index>::max());
    node = static_cast<Index>(nodes_.size());
    nodes_.emplace_back();
  }
  nodes_[node] = Node{.run = run, .longest = run.length, .links = {}};
  insert<kByPlace>(roots_[kByPlace], node);
  insert<kByLength>(roots_[kByLength], node);
  ++count_;
}

void RunSet::drop(Index node) {
  erase<kByPlace>(roots_[kByPlace], node);
  erase<kByLength>(roots_[kByLength], node);
  nodes_[node].links[kByPlace].left = free_;
  free_ = node;
  --count_;
}

/// The last run that starts at `at` or before.
RunSet::Index RunSet::last_up_to(BlockNo at) const {
  Index best = kNil;
  for (Index node = roots_[kByPlace]; node != kNil;) {
    const bool up_to = nodes_[node].run.start <= at;
    if (up_to) best = node;
    const Links& links = nodes_[node].links[kByPlace];
    node = up_to ? links.right : links.left;
  }
  return best;
}

/// The first run that starts after `at`.
RunSet::Index RunSet::first_after(BlockNo at) const {
  Index best = kNil;
  for (Index node = roots_[kByPlace]; node != kNil;) {
    const bool after = at < nodes_[node].run.start;
    if (after) best = node;
    const Links& links = nodes_[node].links[kByPlace];
    node = after ? links.left : links.right;
  }
  return best;
}

bool RunSet::add(Run run) {
  if (run.length == 0 || run.start.value + run.length < run.start.value) return false;
  const Index before = last_up_to(run.start);
  const Index after = first_after(run.start);
  if (before != kNil && run.start < nodes_[before].run.end()) return false;
  if (after != kNil && nodes_[after].run.start < run.end()) return false;
  total_ += run.length;
  const bool joins_before = before != kNil && nodes_[before].run.end() == run.start;
  const bool joins_after = after != kNil && nodes_[after].run.start == run.end();
  if (joins_after) run.length += nodes_[after].run.length;
  if (joins_before) {
    if (joins_after) drop(after);
    resize(before, {nodes_[before].run.start, nodes_[before].run.length + run.length});
  } else if (joins_after) {
    resize(after, run);
  } else {
    make(run);
  }
  return true;
}

bool RunSet::remove(Run run) {
  if (run.length == 0 || !contains(run)) return false;
  const Index node = last_up_to(run.start);
  const Run whole = nodes_[node].run;
  const Run left{whole.start, run.start - whole.start};
  const Run right{run.end(), whole.end() - run.end()};
  total_ -= run.length;
  if (left.length == 0 && right.length == 0) {
    drop(node);
  } else if (left.length == 0) {
    resize(node, right);
  } else {
    resize(node, left);
    if (right.length != 0) make(right);
  }
  return true;
}

bool RunSet::contains(Run run) const {
  if (run.length == 0) return true;
  if (run.start.value + run.length < run.start.value) return false;
  const Index node = last_up_to(run.start);
  return node != kNil && run.end() <= nodes_[node].run.end();
}

std::optional<Run> RunSet::at_or_after(BlockNo at) const {
  const Index node = last_up_to(at);
  if (node != kNil && nodes_[node].run.contains(at)) return nodes_[node].run;
  const Index after = first_after(at);
  return after == kNil ? std::nullopt : std::optional(nodes_[after].run);
}

/// The first run of the subtree that starts at `from` or after and is long enough.
RunSet::Index RunSet::first_long(Index root, std::uint64_t length, BlockNo from) const {
  while (root != kNil && nodes_[root].longest >= length) {
    const Node& node = nodes_[root];
    if (from <= node.run.start) {
      const Index left = first_long(node.links[kByPlace].left, length, from);
      if (left != kNil) return left;
      if (node.run.length >= length) return root;
    }
    root = node.links[kByPlace].right;
  }
  return kNil;
}

std::optional<Run> RunSet::first_of(std::uint64_t length, BlockNo from) const {
  const Index holder = last_up_to(from);
  if (holder != kNil && nodes_[holder].run.contains(from)) from = nodes_[holder].run.start;
  const Index node = first_long(roots_[kByPlace], length, from);
  return node == kNil ? std::nullopt : std::optional(nodes_[node].run);
}

std::optional<Run> RunSet::shortest_of(std::uint64_t length) const {
  Index best = kNil;
  for (Index node = roots_[kByLength]; node != kNil;) {
    const bool fits = nodes_[node].run.length >= length;
    if (fits) best = node;
    const Links& links = nodes_[node].links[kByLength];
    node = fits ? links.left : links.right;
  }
  return best == kNil ? std::nullopt : std::optional(nodes_[best].run);
}

std::optional<Run> RunSet::before(BlockNo at) const {
  const Index node = at == BlockNo{0} ? kNil : last_up_to(BlockNo{at.value - 1});
  return node == kNil ? std::nullopt : std::optional(nodes_[node].run);
}

std::optional<Run> RunSet::longest() const {
  return shortest_of(nodes_[roots_[kByPlace]].longest);
}

std::array<std::uint64_t, 64> RunSet::histogram() const {
  std::array<std::uint64_t, 64> runs{};
  for_each([&runs](Run run) { ++runs[std::bit_width(run.length) - 1]; });
  return runs;
}

}  // namespace spindle
