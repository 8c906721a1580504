// From virtual to physical addresses: base and limit, pages, segments, two levels of page tables,
// and the TLB before them.

#include <algorithm>
#include <map>
#include <unordered_map>

#include "domains.h"
#include "page_frames.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kLargestAddress = std::int64_t{1} << 48;
/// Longer lists of addresses are answered with their totals alone.
constexpr std::size_t kLongestTrace = 1000;

std::uint64_t natural(const Field& field, std::int64_t low = 0) {
  return static_cast<std::uint64_t>(field.integer(low, kLargestAddress));
}

Json physical_of_each(const std::vector<std::uint64_t>& addresses, auto&& translate) {
  Json physical = Json::array();
  for (std::uint64_t address : addresses) physical.push_back(translate(address));
  return {{"physical", physical}};
}

Json base_limit(const Problem& problem, const std::vector<std::uint64_t>& addresses) {
  const std::uint64_t base = natural(problem.parameters["base"]);
  const std::uint64_t limit = natural(problem.parameters["limit"]);
  return physical_of_each(addresses, [&](std::uint64_t address) {
    return address < limit ? Json(base + address) : Json();
  });
}

Json page_offset(const Problem& problem, const std::vector<std::uint64_t>& addresses) {
  const std::uint64_t size = natural(problem.parameters["page_size"], 1);
  Json pairs = Json::array();
  for (std::uint64_t address : addresses) pairs.push_back({address / size, address % size});
  return {{"pairs", pairs}};
}

Json page_table(const Problem& problem, const std::vector<std::uint64_t>& addresses) {
  const std::uint64_t size = natural(problem.parameters["page_size"], 1);
  std::map<std::string, std::uint64_t> frames;
  for (const auto& [page, frame] : problem.parameters["table"].members())
    frames[page] = static_cast<std::uint64_t>(frame.integer(0, kLargestAddress >> 16));
  if (size > std::uint64_t{1} << 30) problem.parameters["page_size"].fail("too large");
  return physical_of_each(addresses, [&](std::uint64_t address) {
    const auto frame = frames.find(std::to_string(address / size));
    return frame == frames.end() ? Json() : Json(frame->second * size + address % size);
  });
}

/// A table of [base, limit], null where there is no such segment; an address is [segment, offset].
Json segments(const Problem& problem) {
  const std::vector<Field> table = problem.parameters["table"].items();
  Json physical = Json::array();
  for (const Field& item : problem.input["addresses"].items()) {
    const std::vector<Field> address = item.items();
    if (address.size() != 2) item.fail("an address is [segment, offset]");
    if (problem.failed()) return {};
    const std::uint64_t segment = natural(address[0]);
    const std::uint64_t offset = natural(address[1]);
    physical.push_back(nullptr);
    if (segment >= table.size() || !table[segment].present()) continue;
    const std::vector<Field> entry = table[segment].items();
    if (entry.size() != 2) return table[segment].fail("a segment is [base, limit]"), Json();
    const std::uint64_t base = natural(entry[0]);
    if (offset < natural(entry[1])) physical.back() = base + offset;
  }
  return {{"physical", physical}};
}

/// The largest address of so many bits.
constexpr std::uint64_t last_of_bits(std::int64_t bits) {
  return (~std::uint64_t{0} >> 1) >> (63 - std::min<std::int64_t>(bits, 63));
}

/// The address's bits in fields of these widths, the highest first.
Json split_bits(const Problem& problem) {
  std::vector<unsigned> widths;
  std::int64_t bits = 0;
  for (const Field& width : problem.parameters["fields"].items()) {
    bits += widths.emplace_back(static_cast<unsigned>(width.integer(1, 48)));
    if (bits > 64) width.fail("more than 64 bits in all");
    if (problem.failed()) return {};
  }
  Json all = Json::array();
  // What is only taken apart need not fit into a memory.
  for (std::uint64_t address : problem.input["addresses"].naturals(last_of_bits(bits))) {
    Json fields = Json::array();
    auto left = static_cast<unsigned>(bits);
    for (unsigned width : widths)
      fields.push_back(address >> (left -= width) & ((std::uint64_t{1} << width) - 1));
    all.push_back(fields);
  }
  return {{"fields", all}};
}

/// The lower half of the space grows up from base0; the upper half grows down to base1.
Json two_segments(const Problem& problem, const std::vector<std::uint64_t>& addresses) {
  const Field& parameters = problem.parameters;
  const std::uint64_t space = natural(parameters["space"], 2);
  const std::uint64_t base0 = natural(parameters["base0"]);
  const std::uint64_t limit0 = natural(parameters["limit0"]);
  const std::uint64_t base1 = natural(parameters["base1"]);
  const std::uint64_t limit1 = natural(parameters["limit1"]);
  return physical_of_each(addresses, [&](std::uint64_t address) {
    if (address < space / 2) return address < limit0 ? Json(base0 + address) : Json();
    if (address >= space) return Json();
    const std::uint64_t below_top = space - address;
    return below_top <= limit1 && below_top <= base1 ? Json(base1 - below_top) : Json();
  });
}

/// Pages of 32 bytes, addresses of 5 + 5 + 5 bits, entries of one byte: the highest bit says that
/// it is valid, the others are the page it points to.
class TwoLevels {
 public:
  static constexpr std::int64_t kAddressBits = 15;

  explicit TwoLevels(const Problem& problem)
      : directory_(std::to_string(problem.parameters["directory"].integer(0, 127))) {
    for (const auto& [page, text] : problem.input["memory"].members()) {
      pages_[page] = text.text();
      const bool good = pages_[page].size() == 64 &&
                        pages_[page].find_first_not_of("0123456789abcdef") == std::string::npos;
      if (!good) text.fail("a page is 32 bytes in hexadecimal");
    }
  }

  [[nodiscard]] Json translate(std::uint64_t address, const Field& memory) const {
    const int entry = byte_of(directory_, address >> 10 & 31, memory);
    if (entry < 128) return {{"fault", "directory"}};
    const int page = byte_of(std::to_string(entry - 128), address >> 5 & 31, memory);
    if (page < 128) return {{"fault", "table"}};
    const std::uint64_t physical = static_cast<std::uint64_t>(page - 128) << 5 | (address & 31);
    const int value = byte_of(std::to_string(page - 128), address & 31, memory);
    return {{"physical", physical}, {"value", value}};
  }

 private:
  [[nodiscard]] int byte_of(const std::string& page, std::uint64_t offset,
                            const Field& memory) const {
    const auto found = pages_.find(page);
    if (found == pages_.end()) return memory.fail("page " + page + " is not given"), 0;
    return std::stoi(found->second.substr(2 * offset, 2), nullptr, 16);
  }

  std::string directory_;
  std::map<std::string, std::string> pages_;
};

Json two_level(const Problem& problem) {
  const TwoLevels levels(problem);
  const std::vector<std::uint64_t> addresses =
      problem.input["addresses"].naturals(last_of_bits(TwoLevels::kAddressBits));
  if (problem.failed()) return {};
  return physical_of_each(addresses, [&](std::uint64_t address) {
    return levels.translate(address, problem.input["memory"]);
  });
}

/// Any number of levels: `fields` are the widths of the indices and, last, of the offset; `table`
/// is an object of objects, down to the frames.
Json multi_level(const Problem& problem, const std::vector<std::uint64_t>& addresses) {
  std::vector<unsigned> widths;
  unsigned bits = 0;
  for (const Field& width : problem.parameters["fields"].items()) {
    bits += widths.emplace_back(static_cast<unsigned>(width.integer(1, 48)));
    if (bits > 48) width.fail("more than 48 bits in all");
    if (problem.failed()) return {};
  }
  if (widths.empty()) return problem.parameters["fields"].fail("there must be some"), Json();
  const std::uint64_t offset_mask = (std::uint64_t{1} << widths.back()) - 1;
  return physical_of_each(addresses, [&](std::uint64_t address) {
    if (address >> bits != 0) return Json();
    Field entry = problem.parameters["table"];
    unsigned left = bits;
    for (std::size_t level = 0; level + 1 < widths.size() && entry.present(); ++level) {
      left -= widths[level];
      const std::uint64_t index = address >> left & ((std::uint64_t{1} << widths[level]) - 1);
      entry = entry.member(std::to_string(index));
    }
    if (!entry.present()) return Json();
    const auto frame =
        static_cast<std::uint64_t>(entry.integer(0, kLargestAddress >> widths.back()));
    return Json(frame << widths.back() | (address & offset_mask));
  });
}

/// One table for all processes, with an entry [process, page] or null for each frame; an address is
/// [process, virtual address].
Json inverted(const Problem& problem) {
  const std::uint64_t size = natural(problem.parameters["page_size"], 1);
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> frames;
  std::uint64_t frame = 0;
  for (const Field& item : problem.parameters["table"].items()) {
    if (item.present()) {
      const std::vector<Field> entry = item.items();
      if (entry.size() != 2) item.fail("an entry is [process, page]");
      if (problem.failed()) return {};
      frames.try_emplace({natural(entry[0]), natural(entry[1])}, frame);
    }
    ++frame;
  }
  Json physical = Json::array();
  for (const Field& item : problem.input["addresses"].items()) {
    const std::vector<Field> address = item.items();
    if (address.size() != 2) item.fail("an address is [process, virtual address]");
    if (problem.failed()) return {};
    const std::uint64_t process = natural(address[0]);
    const std::uint64_t at = natural(address[1]);
    const auto found = frames.find({process, at / size});
    physical.push_back(found == frames.end() ? Json() : Json(found->second * size + at % size));
  }
  return {{"physical", physical}};
}

struct TlbReference {
  std::uint64_t process = 0;
  std::uint64_t page = 0;
  auto operator<=>(const TlbReference&) const = default;
};

/// Addresses of one process, or each with the number of its own before it.
std::vector<TlbReference> read_references(const Field& addresses, std::uint64_t page_size,
                                          bool& has_processes) {
  std::vector<TlbReference> references;
  if (addresses.member("generate").present()) {
    for (const std::uint64_t address : addresses.naturals(kLargestAddress))
      references.push_back({0, address / page_size});
    return references;
  }
  const std::vector<Field> items = addresses.items();
  has_processes = !items.empty() && items.front().is_list();
  for (const Field& item : items) {
    if (!has_processes) {
      references.push_back({0, natural(item) / page_size});
      continue;
    }
    const std::vector<Field> parts = item.is_list() ? item.items() : std::vector<Field>();
    if (parts.size() != 2) item.fail("not [process, address], as the first one is");
    if (item.failed()) break;
    references.push_back({natural(parts[0]), natural(parts[1]) / page_size});
  }
  return references;
}

}  // namespace

Json solve_translation(const Problem& problem) {
  if (problem.algorithm == "SEGMENTS") return segments(problem);
  if (problem.algorithm == "INVERTED") return inverted(problem);
  if (problem.algorithm == "SPLIT-BITS") return split_bits(problem);
  if (problem.algorithm == "TWO-LEVEL") return two_level(problem);
  // Addresses that are only taken apart need not fit into a memory.
  const std::vector<std::uint64_t> addresses = problem.input["addresses"].naturals(
      problem.algorithm == "PAGE-OFFSET" ? last_of_bits(63) : kLargestAddress);
  if (problem.algorithm == "BASE-LIMIT") return base_limit(problem, addresses);
  if (problem.algorithm == "PAGE-OFFSET") return page_offset(problem, addresses);
  if (problem.algorithm == "PAGE-TABLE") return page_table(problem, addresses);
  if (problem.algorithm == "TWO-SEGMENTS") return two_segments(problem, addresses);
  if (problem.algorithm == "MULTI-LEVEL") return multi_level(problem, addresses);
  return problem.unknown_algorithm();
}

// A TLB of `sets` sets (one: fully associative), each replaced by a policy of its own.
Json solve_tlb(const Problem& problem) {
  const std::uint64_t page_size = natural(problem.parameters["page_size"], 1);
  const auto entries = static_cast<std::size_t>(problem.parameters["entries"].integer(1, 1 << 20));
  const auto sets = static_cast<std::size_t>(problem.parameters["sets"].integer_or(1, 1, 1 << 20));
  bool has_processes = false;
  const std::vector<TlbReference> references =
      read_references(problem.input["addresses"], page_size, has_processes);
  const bool has_numbers = problem.parameters["asid"].flag_or(false);
  const std::string_view name = problem.algorithm == "LRU"      ? "lru"
                                : problem.algorithm == "FIFO"   ? "fifo"
                                : problem.algorithm == "RANDOM" ? "random"
                                                                : "";
  if (name.empty()) return problem.unknown_algorithm();
  const auto seed = static_cast<std::uint64_t>(
      problem.parameters["seed"].integer_or(1, 0, std::int64_t{1} << 62));
  if (entries % sets != 0) problem.parameters["sets"].fail("does not divide the entries");
  if (problem.failed()) return {};
  const std::size_t ways = entries / sets;
  std::unordered_map<std::uint64_t, PageFrames> tlb;  // by set; only those that are used
  std::map<TlbReference, std::uint64_t> keys;         // of the pages of all processes
  std::vector<TlbReference> references_of_keys;
  std::uint64_t hits = 0;
  std::uint64_t flushes = 0;
  std::string trace;
  Json replaced = Json::array();
  std::uint64_t running = references.empty() ? 0 : references.front().process;
  for (const TlbReference& reference : references) {
    if (reference.process != running && !has_numbers) {
      tlb.clear();
      ++flushes;
    }
    running = reference.process;
    std::uint64_t page = reference.page;
    if (has_processes) {
      const auto [key, is_new] = keys.try_emplace(reference, keys.size());
      if (is_new) references_of_keys.push_back(reference);
      page = key->second;
    }
    const std::uint64_t number = reference.page % sets;
    auto set = tlb.find(number);
    if (set == tlb.end()) {
      auto policy = make_replacement_policy(name, ways, {.seed = seed + number}).take();
      set = tlb.try_emplace(number, std::move(policy), ways).first;
    }
    const PageFrames::Reference outcome = set->second.refer(page);
    hits += outcome.hit ? 1 : 0;
    if (references.size() > kLongestTrace) continue;
    trace += outcome.hit ? 'H' : 'M';
    if (!outcome.victim)
      replaced.push_back(nullptr);
    else if (!has_processes)
      replaced.push_back(*outcome.victim);
    else
      replaced.push_back(
          {references_of_keys[*outcome.victim].process, references_of_keys[*outcome.victim].page});
  }
  Json answer = {{"hits", hits}, {"misses", references.size() - hits}};
  if (has_processes) answer["flushes"] = flushes;
  if (references.size() > kLongestTrace) return answer;
  answer["trace"] = trace;
  answer["replaced"] = replaced;
  return answer;
}

}  // namespace spindle
