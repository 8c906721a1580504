// Requests placed into holes, and the buddy system.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/face/memory_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;
using chart::Meaning;

class AllocationForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "allocation"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"first-fit", "FIRST-FIT", "First fit", {"holes", "fixed"}},
        {"best-fit", "BEST-FIT", "Best fit", {"holes", "fixed"}},
        {"worst-fit", "WORST-FIT", "Worst fit", {"holes", "fixed"}},
        {"next-fit", "NEXT-FIT", "Next fit", {"holes", "fixed"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"holes",
         Kind::kNumbers,
         "fits: the sizes of the holes (KiB), in order of address",
         "100,500,200,300,600",
         {},
         true},
        {"fixed", Kind::kFlag,
         "fits: whether a hole is a fixed partition, given to one request as a whole"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {
        {"waiting_count", "requests that wait"},
        {"external_free", "free (KiB)", true},
        {"internal_fragmentation", "wasted in partitions (KiB)"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override { return "fits: requests as SIZE"; }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json requests = Json::array();
    for (const std::vector<std::string>& row : rows)
      for (const std::string& part : row)
        for (const std::string& size : split(part, ", "))
          requests.push_back(read_number(size, "requests", complaint, 1, 1e12));
    if (requests.empty()) complaint.make(no_input("requests", *this));
    return {{"requests", requests}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 6, 1, 100'000);
    const std::uint64_t seed = recipe.seed();
    const std::uint64_t low = recipe.natural("low", 50, 1, 1'000'000'000);
    const std::uint64_t high =
        recipe.natural("high", std::max<std::uint64_t>(low, 450), low, 1'000'000'000);
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    Random random(seed);
    Json requests = Json::array();
    for (std::uint64_t i = 0; i < count; ++i)
      requests.push_back(low + random.below(high - low + 1));
    return {{"requests", requests}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=4,seed={}", seed);
  }
  void finish(Solved& solved) const override {
    solved.answer["waiting_count"] = solved.answer["waiting"].size();
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    const auto policy = std::ranges::find(policies(), problem["algorithm"], &FacePolicy::algorithm);
    return fmt::format(
        "Memory has holes of {} KiB, in this order. Requests come for {} KiB. Where does {} put "
        "them?",
        fmt::join(split(problem["input"]["holes"].dump(), "[,]"), ", "),
        fmt::join(split(problem["input"]["requests"].dump(), "[,]"), ", "), policy->title);
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"requests that wait", std::to_string(solved.answer["waiting"].size())},
            {"free", plain(solved.answer["external_free"]) + " KiB"},
            {"wasted in partitions", plain(solved.answer["internal_fragmentation"]) + " KiB"}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

Picture AllocationForm::picture(const Solved& solved) const {
  chart::MemoryMap map;
  map.unit = "KiB";
  const Json& holes = solved.input()["holes"];
  const Json& placed = solved.answer["placed"];
  std::uint64_t at = 0;
  for (std::size_t hole = 0; hole < holes.size(); ++hole) {
    const auto end = at + holes[hole].get<std::uint64_t>();
    bool given = false;
    for (std::size_t r = 0; r < placed.size(); ++r) {
      if (placed[r].is_null() || placed[r].get<std::size_t>() != hole) continue;
      const auto size = solved.input()["requests"][r].get<std::uint64_t>();
      map.parts.push_back({at, size, fmt::format("request {}", r + 1), Meaning::kRunning});
      at += size;
      given = true;
    }
    const bool wasted = given && solved.parameters().value("fixed", false);
    if (at < end)
      map.parts.push_back({at, end - at, wasted ? "wasted" : fmt::format("hole {}", hole + 1),
                           wasted ? Meaning::kOverhead : Meaning::kFree});
    at = end;
  }
  return map;
}

chart::Table AllocationForm::table(const Solved& solved) const {
  chart::Table table({"request", "size (KiB)", "hole", "left there at the end (KiB)"});
  const Json& placed = solved.answer["placed"];
  for (std::size_t r = 0; r < placed.size(); ++r) {
    const bool waits = placed[r].is_null();
    const std::size_t hole = waits ? 0 : placed[r].get<std::size_t>();
    table.add_row({std::to_string(r + 1), plain(solved.input()["requests"][r]),
                   waits ? "waits" : std::to_string(hole + 1),
                   waits ? "-" : plain(solved.answer["left"][hole])});
  }
  return table;
}

std::vector<std::string> AllocationForm::reasons(const Solved& solved) const {
  static const std::map<std::string_view, std::string_view> kRules = {
      {"first-fit", "is the first that is large enough"},
      {"best-fit", "is the smallest that is large enough"},
      {"worst-fit", "is the largest"},
      {"next-fit", "is the next that is large enough, from the last one taken on"}};
  const auto known = kRules.find(solved.policy->name);
  const std::string rule = known != kRules.end()
                               ? std::string(known->second)
                               : fmt::format("is what {} takes", solved.policy->name);
  std::vector<std::string> out;
  auto left = solved.input()["holes"].get<std::vector<std::uint64_t>>();
  const bool fixed = solved.parameters().value("fixed", false);
  const Json& placed = solved.answer["placed"];
  for (std::size_t r = 0; r < placed.size(); ++r) {
    const auto size = solved.input()["requests"][r].get<std::uint64_t>();
    const std::string holes = fmt::format("{}", fmt::join(left, ", "));
    if (placed[r].is_null()) {
      out.push_back(fmt::format("Request {} for {} KiB waits: no hole is large enough ({}).", r + 1,
                                size, holes));
      continue;
    }
    const std::size_t hole = placed[r].get<std::size_t>();
    out.push_back(fmt::format("Request {} for {} KiB: hole {} {} (holes: {}).", r + 1, size,
                              hole + 1, rule, holes));
    left[hole] = fixed ? 0 : left[hole] - size;
  }
  return out;
}

class BuddyForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "buddy"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"buddy", "BUDDY", "Buddy system", {"size", "min"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"size", Kind::kNumber, "buddy: size of the memory (KiB), a power of two", "1024"},
        {"min", Kind::kNumber, "buddy: the smallest block (KiB)", "64"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures;
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "buddy: NAME+SIZE to allocate, NAME- to free";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=6,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    std::vector<std::string> steps;
    for (const Json& op : problem["input"]["ops"])
      steps.push_back(op.size() == 3 ? fmt::format("{} asks for {} KiB", plain(op[1]), plain(op[2]))
                                     : fmt::format("{} is freed", plain(op[1])));
    return fmt::format(
        "A buddy system has {} KiB, in blocks of {} KiB at least. Then {}. Which blocks does each "
        "get, and what is free at the end?",
        plain(problem["parameters"]["size"]), plain(problem["parameters"]["min"]), listed(steps));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    std::uint64_t free = 0;
    for (const Json& block : solved.answer["free"]) free += block[1].get<std::uint64_t>();
    return {{"free blocks", std::to_string(solved.answer["free"].size())},
            {"free", fmt::format("{} KiB", free)}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

Json BuddyForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                          Complaint& complaint) const {
  Json ops = Json::array();
  std::set<std::string> asked;  // and not freed since; what got no block may be freed all the same
  for (const std::vector<std::string>& row : rows)
    for (const std::string& part : row)
      for (const std::string& op : split(part, ", ")) {
        const std::size_t sign = op.find_first_of("+-");
        if (sign == 0 || sign == std::string::npos || (op[sign] == '-' && sign + 1 != op.size())) {
          complaint.make(fmt::format("ops: '{}' is neither NAME+SIZE nor NAME-", op));
          return {};
        }
        const std::string name = op.substr(0, sign);
        if (op[sign] == '-' && asked.erase(name) == 0)
          complaint.make(fmt::format("ops: '{}' frees what is not allocated", op));
        if (op[sign] == '+') asked.insert(name);
        if (op[sign] == '-')
          ops.push_back({"free", name});
        else
          ops.push_back({"alloc", name,
                         read_number(op.substr(sign + 1), "size of " + name, complaint, 1, 1e12)});
      }
  if (ops.empty()) complaint.make(no_input("operations", *this));
  return {{"ops", ops}};
}

Json BuddyForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 8, 1, 100'000);
  const std::uint64_t seed = recipe.seed();
  const std::uint64_t high = recipe.natural("high", 250, 1, 1'000'000'000);
  recipe.finish_as("uniform");
  if (complaint.made()) return {};
  Random random(seed);
  Json ops = Json::array();
  std::vector<std::string> held;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (held.size() > 1 && random.one_in(3)) {
      const std::size_t at = random.below(held.size());
      ops.push_back({"free", held[at]});
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      held.push_back(fmt::format("B{}", i + 1));
      ops.push_back({"alloc", held.back(), 1 + random.below(high)});
    }
  }
  return {{"ops", ops}};
}

struct BuddyBlock {
  std::uint64_t start = 0;
  std::uint64_t size = 0;
  std::uint64_t want = 0;
};

/// The blocks that are held at the end, by name.
std::map<std::string, BuddyBlock> held_blocks(const Solved& solved) {
  std::map<std::string, BuddyBlock> held;
  std::size_t next = 0;
  for (const Json& op : solved.input()["ops"]) {
    const std::string name = plain(op[1]);
    if (op.size() == 2) {
      held.erase(name);
      continue;
    }
    const Json& allocation = solved.answer["allocations"][next++];
    if (!allocation[1].is_null())
      held[name] = {allocation[1].get<std::uint64_t>(), allocation[2].get<std::uint64_t>(),
                    op[2].get<std::uint64_t>()};
  }
  return held;
}

Picture BuddyForm::picture(const Solved& solved) const {
  chart::MemoryMap map;
  map.unit = "KiB";
  for (const auto& [name, block] : held_blocks(solved)) {
    map.parts.push_back({block.start, block.want, name, Meaning::kRunning});
    if (block.want < block.size)
      map.parts.push_back({block.start + block.want, block.size - block.want, "rest of " + name,
                           Meaning::kOverhead});
  }
  for (const Json& block : solved.answer["free"])
    map.parts.push_back(
        {block[0].get<std::uint64_t>(), block[1].get<std::uint64_t>(), "free", Meaning::kFree});
  std::ranges::sort(map.parts, {}, &chart::MemoryMap::Part::from);
  return map;
}

chart::Table BuddyForm::table(const Solved& solved) const {
  chart::Table table({"step", "what", "block at (KiB)", "size (KiB)"});
  std::size_t next = 0;
  std::size_t step = 0;
  for (const Json& op : solved.input()["ops"]) {
    const std::string number = std::to_string(++step);
    if (op.size() == 2) {
      table.add_row({number, plain(op[1]) + " is freed", "-", "-"});
      continue;
    }
    const Json& allocation = solved.answer["allocations"][next++];
    table.add_row({number, fmt::format("{} asks for {}", plain(op[1]), plain(op[2])),
                   allocation[1].is_null() ? "none" : plain(allocation[1]), plain(allocation[2])});
  }
  return table;
}

/// How the block of an allocation was found.
std::string taken(const Json& choice, const Json& start) {
  if (choice["rests"].empty()) return fmt::format("the lowest free one is at {}", plain(start));
  std::vector<std::string> rests;
  for (const Json& block : choice["rests"])
    rests.push_back(fmt::format("{} at {}", plain(block[1]), plain(block[0])));
  return fmt::format(
      "none of that size is free, so the {} at {} are halved, which leaves {}; it gets the one "
      "at {}",
      plain(choice["from"][1]), plain(choice["from"][0]), listed(rests), plain(start));
}

/// What a freed block became; each is [start, size, buddy].
std::string given_back(const Json& became) {
  const Json& buddy = became[0][2];
  if (buddy.is_null()) return "that is all of the memory";
  if (became.size() == 1)
    return fmt::format("its buddy, at {}, is not free as a whole", plain(buddy));
  std::vector<std::string> joins;
  for (std::size_t i = 1; i < became.size(); ++i)
    joins.push_back(fmt::format("joined with its buddy at {} to {} at {}", plain(became[i - 1][2]),
                                plain(became[i][1]), plain(became[i][0])));
  return fmt::format("{}", fmt::join(joins, ", "));
}

std::vector<std::string> BuddyForm::reasons(const Solved& solved) const {
  std::vector<std::string> out;
  const Json choices = solved.answer.value("choices", Json::array());
  std::size_t step = 0;
  std::size_t next = 0;
  for (const Json& op : solved.input()["ops"]) {
    if (step == choices.size()) break;
    const Json& choice = choices[step++];
    const std::string name = plain(op[1]);
    if (op.size() == 2) {
      out.push_back(choice.is_null()
                        ? fmt::format("{} is freed, but got no block.", name)
                        : fmt::format("{} is freed, {} at {}: {}.", name,
                                      plain(choice["became"][0][1]), plain(choice["became"][0][0]),
                                      given_back(choice["became"])));
      continue;
    }
    const Json& allocation = solved.answer["allocations"][next++];
    const std::string need =
        fmt::format("{} KiB need a block of {} KiB", plain(op[2]), plain(allocation[2]));
    out.push_back(choice.is_null()
                      ? fmt::format("{}: {}, and no free block is that large.", name, need)
                      : fmt::format("{}: {}; {}.", name, need, taken(choice, allocation[1])));
  }
  return out;
}

}  // namespace

const Form& allocation_form() {
  static const AllocationForm kForm;
  return kForm;
}

const Form& buddy_form() {
  static const BuddyForm kForm;
  return kForm;
}

}  // namespace spindle::cli
