// How an address was translated, told in a sentence: one function for each algorithm.

#include <fmt/format.h>

#include "cli/face/translate_forms.h"

namespace spindle::cli {
namespace {

/// The sentence about an address that is divided into page and offset.
std::string of_page(const Solved& solved, const Json& from, const Json& to) {
  const std::uint64_t size = natural(solved.parameters()["page_size"]);
  const std::uint64_t address = natural(from.is_array() ? from[1] : from);
  const std::string page =
      fmt::format("{} = {} x {} + {}: page {}, offset {}", address, address / size, size,
                  address % size, address / size, address % size);
  if (solved.policy->algorithm == "PAGE-OFFSET") return page + ".";
  if (to.is_null()) return page + "; the page is in no frame: a fault.";
  const std::uint64_t frame = natural(to) / size;
  return fmt::format("{}; it is in frame {}: {} x {} + {} = {}.", page, frame, frame, size,
                     address % size, plain(to));
}

std::string of_base_and_limit(const Json& parameters, const Json& from, const Json& to) {
  const std::string limit = plain(parameters["limit"]);
  if (to.is_null())
    return fmt::format("{} is not below the limit, {}: a fault.", plain(from), limit);
  return fmt::format("{} is below the limit: {} + {} = {}.", plain(from), plain(parameters["base"]),
                     plain(from), plain(to));
}

std::string of_segment(const Json& from, const Json& to) {
  if (to.is_null())
    return fmt::format("Segment {} has no byte {}: a fault.", plain(from[0]), plain(from[1]));
  return fmt::format("Segment {} begins at {}: with {} that is {}.", plain(from[0]),
                     natural(to) - natural(from[1]), plain(from[1]), plain(to));
}

/// The highest bit tells the two segments apart: one begins at the bottom of the space, the other
/// ends at its top.
std::string of_two_segments(const Json& parameters, std::uint64_t address, const Json& to) {
  const std::uint64_t space = natural(parameters["space"]);
  if (space <= address)
    return fmt::format("{} lies beyond the space, which has {} bytes: a fault.", address, space);
  const bool is_upper = space / 2 <= address;
  const std::uint64_t limit = natural(parameters[is_upper ? "limit1" : "limit0"]);
  const std::uint64_t base = natural(parameters[is_upper ? "base1" : "base0"]);
  if (!is_upper)
    return to.is_null()
               ? fmt::format("{} is in the lower half, but not below the limit, {}: a fault.",
                             address, limit)
               : fmt::format("{} is in the lower half, and below the limit, {}: {} + {} = {}.",
                             address, limit, base, address, plain(to));
  const std::string where =
      fmt::format("{} is in the upper half, {} below its end", address, space - address);
  return to.is_null() ? fmt::format("{}; the limit is {}: a fault.", where, limit)
                      : fmt::format("{}, within the limit, {}: {} - {} = {}.", where, limit, base,
                                    space - address, plain(to));
}

std::string of_two_levels(std::uint64_t address, const Json& to) {
  return fmt::format("{}: entry {} of the directory, entry {} of the table, byte {}: {}.", address,
                     address >> 10, address >> 5 & 31, address & 31, physical_text(to));
}

/// The sentence about an address that is divided into the indices of several levels and the offset.
std::string of_several_levels(const Json& parameters, std::uint64_t address, const Json& to) {
  std::vector<std::uint64_t> fields;
  std::uint64_t rest = address;
  for (std::size_t f = parameters["fields"].size(); f-- > 0;) {
    const std::uint64_t width = natural(parameters["fields"][f]);
    fields.insert(fields.begin(), rest & ((std::uint64_t{1} << width) - 1));
    rest >>= width;
  }
  if (rest != 0) return fmt::format("{} has more bits than the fields: a fault.", address);
  const std::uint64_t offset = fields.back();
  fields.pop_back();
  const std::string way = fmt::format("{} has the indices {} and the offset {}", address,
                                      fmt::join(fields, ", "), offset);
  if (to.is_null()) return way + "; no entry stands there: a fault.";
  const std::uint64_t size = std::uint64_t{1} << natural(parameters["fields"].back());
  const std::uint64_t frame = natural(to) / size;
  return fmt::format("{}; they lead to frame {}: {} x {} + {} = {}.", way, frame, frame, size,
                     offset, plain(to));
}

std::string of_fields(const Json& widths, const Json& from, const Json& fields) {
  std::vector<std::string> words;
  for (std::size_t f = 0; f < fields.size(); ++f)
    words.push_back(fmt::format("{} in {} bits", plain(fields[f]), plain(widths[f])));
  return fmt::format("{} is {}.", plain(from), listed(words));
}

std::string reason(const Solved& solved, std::size_t i) {
  const std::string_view algorithm = solved.policy->algorithm;
  const Json& parameters = solved.parameters();
  const Json& from = solved.input()["addresses"][i];
  if (algorithm == "SPLIT-BITS")
    return of_fields(parameters["fields"], from, solved.answer["fields"][i]);
  const Json to = algorithm == "PAGE-OFFSET" ? Json() : solved.answer["physical"][i];
  if (algorithm == "BASE-LIMIT") return of_base_and_limit(parameters, from, to);
  if (algorithm == "SEGMENTS") return of_segment(from, to);
  if (algorithm == "TWO-SEGMENTS") return of_two_segments(parameters, natural(from), to);
  if (algorithm == "TWO-LEVEL") return of_two_levels(natural(from), to);
  if (algorithm == "MULTI-LEVEL") return of_several_levels(parameters, natural(from), to);
  return of_page(solved, from, to);
}

}  // namespace

std::vector<std::string> translation_reasons(const Solved& solved) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < solved.input()["addresses"].size(); ++i)
    out.push_back(reason(solved, i));
  return out;
}

std::string physical_text(const Json& physical) {
  if (physical.is_null()) return "fault";
  if (!physical.is_object()) return plain(physical);
  if (physical.contains("fault")) return "fault in the " + plain(physical["fault"]);
  return fmt::format("{}, which holds {}", plain(physical["physical"]), plain(physical["value"]));
}

}  // namespace spindle::cli
