// Pages in memory with the times at which they were loaded and last used, and their bits: which of
// them goes next. The policies are told of the pages so that they come into this state.

#include <algorithm>
#include <numeric>
#include <set>

#include "domains.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kLatestUse = std::int64_t{1} << 50;
constexpr std::size_t kMostPagesInState = 10'000;

struct PageState {
  std::int64_t page = 0;
  std::int64_t loaded = 0;
  std::int64_t used = 0;
  bool referenced = false;
  bool modified = false;
};

std::vector<PageState> read_pages(const Field& list) {
  std::vector<PageState> pages;
  std::set<std::int64_t> seen;
  for (const Field& item : list.items()) {
    const std::vector<Field> parts = item.items();
    if (parts.size() != 5) item.fail("a page is [page, loaded, last used, R, M]");
    if (item.failed()) return pages;
    PageState page{parts[0].integer(0, kLatestUse), parts[1].integer(0, kLatestUse),
                   parts[2].integer(0, kLatestUse), parts[3].integer(0, 1) == 1,
                   parts[4].integer(0, 1) == 1};
    if (page.used < page.loaded) item.fail("last used before it was loaded");
    if (!seen.insert(page.page).second)
      item.fail("page " + std::to_string(page.page) + " is there twice");
    pages.push_back(page);
  }
  if (pages.empty() || pages.size() > kMostPagesInState) list.fail("not from 1 to 10000 pages");
  return pages;
}

/// The places of the pages in the list, the earliest first.
std::vector<std::size_t> in_order(const std::vector<PageState>& pages,
                                  std::int64_t PageState::*time) {
  std::vector<std::size_t> order(pages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return pages[i].*time; });
  return order;
}

/// Tells the policy of the pages, each in the frame of its place in the list.
void bring_into_state(ReplacementPolicy& policy, const std::vector<PageState>& pages) {
  const auto frame_of = [](std::size_t i) { return FrameNo{i}; };
  const bool is_nru = policy.name() == "nru";
  const bool is_lru = policy.name() == "lru";
  for (const std::size_t i : in_order(pages, &PageState::loaded))
    policy.inserted(frame_of(i), static_cast<PageKey>(pages[i].page));
  // The tick that clears all bits comes after as many references as there are pages, twice.
  for (std::size_t i = 0; is_nru && i < pages.size(); ++i) policy.touched(frame_of(i));
  for (const std::size_t i : in_order(pages, &PageState::used))
    if (is_lru || pages[i].referenced) policy.touched(frame_of(i));
  for (std::size_t i = 0; i < pages.size(); ++i) policy.set_dirty(frame_of(i), pages[i].modified);
}

}  // namespace

Json solve_page_state(const Problem& problem) {
  const std::string_view name = problem.algorithm == "FIFO"            ? "fifo"
                                : problem.algorithm == "LRU"           ? "lru"
                                : problem.algorithm == "NRU"           ? "nru"
                                : problem.algorithm == "SECOND-CHANCE" ? "second-chance"
                                                                       : "";
  if (name.empty()) return problem.unknown_algorithm();
  const std::vector<PageState> pages = read_pages(problem.input["pages"]);
  if (problem.failed()) return {};
  auto policy =
      make_replacement_policy(name, pages.size(),
                              {.clock_bit_on_load = false, .tick_references = 2 * pages.size()})
          .take();
  bring_into_state(*policy, pages);
  const std::optional<FrameNo> victim = policy->victim({});
  CHECK(victim.has_value());
  Json order = Json::array();
  for (const std::size_t i : in_order(pages, name == "lru" ? &PageState::used : &PageState::loaded))
    order.push_back(pages[i].page);
  Json classes = Json::array();
  for (const PageState& page : pages)
    classes.push_back((page.referenced ? 2 : 0) + (page.modified ? 1 : 0));
  Json answer = {{"victim", pages[victim->value].page}};
  if (name == "nru")
    answer["classes"] = classes;
  else
    answer["order"] = order;
  return answer;
}

}  // namespace spindle
