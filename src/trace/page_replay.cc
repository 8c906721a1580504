#include "spindle/trace/page_replay.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "page_numbers.h"
#include "spindle/base/clock.h"
#include "spindle/policy/page_memory.h"
#include "spindle/policy/stack_distance.h"

namespace spindle {
namespace {

/// How many references go to a policy at once.
constexpr std::size_t kBlock = 4096;

}  // namespace

struct PageReplay::State {
  explicit State(const Plan& plan)
      : different(plan.policies.size() * plan.frames.size() + (plan.curve ? 1 : 0) == 1
                      ? PageNumbers::Small::kTheirOwnNumbers
                      : PageNumbers::Small::kNumbered),
        curve(plan.curve) {}

  struct Run {
    Row row;
    std::optional<PageMemory> memory;  ///< none: the policy is OPT, which begins when all is known
  };

  void refer_block(std::span<const PageKey> pages) {
    numbers.resize(pages.size());
    different.of(pages, numbers);
    references += pages.size();
    std::int64_t before = thread_cpu_ns();
    for (Run& run : runs) {
      if (!run.memory) continue;
      run.memory->refer(numbers, different.bound());
      const std::int64_t after = thread_cpu_ns();
      run.row.cpu_ns += after - std::exchange(before, after);
    }
    if (keeps_all) all.insert(all.end(), numbers.begin(), numbers.end());
    if (curve)
      for (PageNumber page : numbers) distances.refer(page);
  }

  std::vector<Run> runs;
  PageNumbers different;
  std::vector<PageNumber> numbers;
  std::uint64_t references = 0;
  bool keeps_all = false;
  std::vector<PageKey> all;
  bool curve;
  StackDistances distances;
};

PageReplay::PageReplay(std::unique_ptr<State> state) : state_(std::move(state)) {}
PageReplay::PageReplay(PageReplay&&) noexcept = default;
PageReplay::~PageReplay() = default;

Result<PageReplay> PageReplay::make(const Plan& plan) {
  auto state = std::make_unique<State>(plan);
  for (const std::string& name : plan.policies)
    for (std::size_t frames : plan.frames) {
      State::Run run{{.policy = name, .frames = frames}, {}};
      if (name == "opt") {
        static_cast<void>(TRY(make_replacement_policy("fifo", frames)));
        state->keeps_all = true;
      } else {
        run.memory.emplace(TRY(make_replacement_policy(name, frames, plan.conventions)), frames);
      }
      state->runs.push_back(std::move(run));
    }
  return PageReplay(std::move(state));
}

void PageReplay::refer(std::span<const PageKey> pages) {
  for (std::size_t from = 0; from < pages.size(); from += kBlock)
    state_->refer_block(pages.subspan(from, std::min(kBlock, pages.size() - from)));
}

std::vector<PageReplay::Row> PageReplay::finish() {
  std::vector<Row> rows;
  for (State::Run& run : state_->runs) {
    if (!run.memory) {
      const std::int64_t before = thread_cpu_ns();
      run.memory.emplace(make_optimal_policy(run.row.frames, state_->all), run.row.frames);
      std::vector<PageNumber> block;
      for (std::size_t from = 0; from < state_->all.size(); from += kBlock) {
        const std::size_t to = std::min(from + kBlock, state_->all.size());
        block.assign(state_->all.begin() + static_cast<std::ptrdiff_t>(from),
                     state_->all.begin() + static_cast<std::ptrdiff_t>(to));
        run.memory->refer(block, state_->different.bound());
      }
      run.row.cpu_ns = thread_cpu_ns() - before;
    }
    run.row.references = state_->references;
    run.row.misses = run.memory->misses();
    rows.push_back(run.row);
  }
  return rows;
}

std::vector<PageReplay::CurvePoint> PageReplay::curve(std::size_t most) const {
  std::vector<CurvePoint> all;
  std::uint64_t misses = state_->references;
  const std::vector<std::uint64_t>& histogram = state_->distances.histogram();
  for (std::size_t distance = 0; distance < histogram.size(); ++distance) {
    misses -= histogram[distance];
    if (histogram[distance] != 0 || all.empty()) all.push_back({distance + 1, misses});
  }
  if (all.size() <= most) return all;
  // Takes points at even distances on the logarithm of the size, with the first and the last.
  std::vector<CurvePoint> some;
  const double step = std::log(static_cast<double>(all.back().frames)) / static_cast<double>(most);
  double next = 0;
  for (const CurvePoint& point : all) {
    const double place = std::log(static_cast<double>(point.frames));
    if (place < next && point.frames != all.back().frames) continue;
    some.push_back(point);
    next = place + step;
  }
  return some;
}

std::uint64_t PageReplay::references() const {
  return state_->references;
}

std::uint64_t PageReplay::different_pages() const {
  return state_->different.count();
}

}  // namespace spindle
