// `spindle translate`: virtual addresses to physical ones.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/face/translate_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;
using chart::Meaning;

/// An address as "21" or "0x15".
Json read_address(const std::string& text, Complaint& complaint) {
  if (!text.starts_with("0x") && !text.starts_with("0X"))
    return read_number(text, "addresses", complaint, 0, 281'474'976'710'656.0);
  if (text.size() < 3 || text.size() > 14 ||
      text.find_first_not_of("0123456789abcdefABCDEF", 2) != std::string::npos)
    return complaint.make(fmt::format("addresses: '{}' is not a number", text)), Json();
  return static_cast<std::int64_t>(std::stoull(text.substr(2), nullptr, 16));
}

/// The numbers of a word, which `+` separates: an entry of a table.
Json numbers_of(const std::string& word, std::string_view field, Complaint& complaint) {
  Json numbers = Json::array();
  for (const std::string& part : split(word, "+"))
    numbers.push_back(read_number(part, field, complaint));
  return numbers;
}

/// Addresses through a table, or through registers.
class TranslationForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "translation"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override;
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override;
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"faults", "faults"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "addresses as ADDRESS or 0xADDRESS; segments: SEGMENT:OFFSET; inverted, and "
           "tlb with several processes: PROCESS:ADDRESS";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=5,high=127,seed={}", seed);
  }
  void complete(Json& problem, Complaint& complaint) const override;
  void finish(Solved& solved) const override;
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    Facts facts = {{"addresses", std::to_string(solved.input()["addresses"].size())}};
    if (const auto faults = number_of(solved.answer, "faults"))
      facts.emplace_back("faults", shown(*faults));
    return facts;
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    return translation_reasons(solved);
  }
};

const std::vector<FacePolicy>& TranslationForm::policies() const {
  static const std::vector<FacePolicy> kPolicies = {
      {"paging", "PAGE-TABLE", "Linear page table", {"page_size", "table"}},
      {"base-limit", "BASE-LIMIT", "Base and limit", {"base", "limit"}},
      {"segments", "SEGMENTS", "Segments", {"table"}},
      {"two-segments",
       "TWO-SEGMENTS",
       "Two segments that grow towards each other",
       {"space", "base0", "limit0", "base1", "limit1"}},
      {"multi-level", "MULTI-LEVEL", "Page table of several levels", {"fields", "table"}},
      {"two-level", "TWO-LEVEL", "Page directory and tables in memory", {"directory", "memory"}},
      {"inverted", "INVERTED", "Inverted page table", {"page_size", "table"}},
      {"page-offset", "PAGE-OFFSET", "Page and offset", {"page_size"}},
      {"split-bits", "SPLIT-BITS", "Fields of an address", {"fields"}}};
  return kPolicies;
}

const std::vector<FaceParameter>& TranslationForm::parameters() const {
  static const std::vector<FaceParameter> kParameters = {
      {"page_size", Kind::kNumber, "paging, inverted, page-offset, tlb: page size (bytes)", "16"},
      {"table", Kind::kWords,
       "paging: PAGE+FRAME,...; multi-level: INDEX+INDEX+FRAME,...; segments: BASE+LIMIT or -,... "
       "in order; inverted: PROCESS+PAGE or -, frame by frame [an example]"},
      {"fields", Kind::kNumbers, "multi-level, split-bits: bits of each field, the highest first"},
      {"directory", Kind::kNumber, "two-level: page of memory that holds the page directory"},
      {"memory",
       Kind::kWords,
       "two-level: PAGE+BYTES,...: the 32 bytes of each page in hexadecimal [an example]",
       "",
       {},
       true},
      {"base", Kind::kNumber, "base-limit: start of the address space in memory"},
      {"limit", Kind::kNumber, "base-limit: size of the address space"},
      {"space", Kind::kNumber, "two-segments: size of the virtual address space"},
      {"base0", Kind::kNumber, "two-segments: start of the lower segment"},
      {"limit0", Kind::kNumber, "two-segments: size of the lower segment"},
      {"base1", Kind::kNumber, "two-segments: end of the upper segment"},
      {"limit1", Kind::kNumber, "two-segments: size of the upper segment"}};
  return kParameters;
}

Json TranslationForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                                Complaint& complaint) const {
  Json addresses = Json::array();
  for (const std::vector<std::string>& row : rows) {
    Json parts = Json::array();
    for (const std::string& part : row) parts.push_back(read_address(part, complaint));
    addresses.push_back(parts.size() == 1 ? parts[0] : parts);
  }
  if (addresses.empty()) complaint.make(no_input("addresses", *this));
  return {{"addresses", addresses}};
}

Json TranslationForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 8, 1, 100'000);
  const std::uint64_t high = recipe.natural("high", 127, 0, 1ULL << 47);
  Random random(recipe.seed());
  recipe.finish_as("uniform");
  if (complaint.made()) return {};
  Json addresses = Json::array();
  for (std::uint64_t i = 0; i < count; ++i) addresses.push_back(random.below(high + 1));
  return {{"addresses", addresses}};
}

/// The table or the registers where none are given, so that there is something to try and to ask in
/// a quiz.
Json example_of(const std::string& algorithm) {
  static const Json kExamples = Json::parse(R"({
    "PAGE-TABLE": {"table": {"0": 3, "1": 7, "2": 5, "3": 2, "6": 1}},
    "BASE-LIMIT": {"base": 1000, "limit": 100},
    "SEGMENTS": {"table": [[219, 600], [300, 14], [90, 100], [1327, 20]]},
    "TWO-SEGMENTS": {"space": 128, "base0": 0, "limit0": 50, "base1": 512, "limit1": 40},
    "MULTI-LEVEL": {"fields": [2, 2, 4], "table": {"0": {"0": 3, "1": 7}, "1": {"0": 5, "3": 2}}},
    "INVERTED": {"table": [[0, 3], [1, 0], [2, 1], null, [0, 1], [3, 2], [1, 1]]},
    "SPLIT-BITS": {"fields": [2, 2, 4]}})");
  return kExamples.value(algorithm, Json::object());
}

/// A memory in which page 0 is the directory, 1 a page table, and the pages 4 to 7 are mapped.
Json example_memory() {
  Json memory = Json::object();
  const auto page = [](std::initializer_list<int> first, int rest) {
    std::string bytes;
    for (int byte : first) bytes += fmt::format("{:02x}", byte);
    while (bytes.size() < 64) bytes += fmt::format("{:02x}", rest);
    return bytes;
  };
  memory["0"] = page({0x81}, 0x7f);
  memory["1"] = page({0x84, 0x85, 0x7f, 0x87}, 0x7f);
  for (int number = 4; number < 8; ++number)
    memory[std::to_string(number)] = page({number, 2 * number, 3 * number}, 0);
  return memory;
}

/// Makes the words of `--memory` into an object; in the example the directory is page 0.
void complete_two_level(Json& problem, Complaint& complaint) {
  Json& input = problem["input"];
  if (!input.contains("memory")) {
    input["memory"] = example_memory();
    if (!problem["parameters"].contains("directory")) problem["parameters"]["directory"] = 0;
  }
  if (!input["memory"].is_array()) return;
  Json memory = Json::object();
  for (const Json& word : input["memory"]) {
    const std::vector<std::string> parts = split(plain(word), "+");
    if (parts.size() != 2)
      return complaint.make(fmt::format("--memory: '{}' is not PAGE+BYTES", plain(word)));
    memory[parts[0]] = parts[1];
  }
  input["memory"] = memory;
}

/// Makes the words of `--table` into the table that the algorithm has.
void TranslationForm::complete(Json& problem, Complaint& complaint) const {
  const std::string algorithm = problem["algorithm"];
  Json& parameters = problem["parameters"];
  if (algorithm == "TWO-LEVEL") return complete_two_level(problem, complaint);
  const Json example = example_of(algorithm);
  const bool is_example = std::ranges::none_of(
      example.items(), [&](const auto& member) { return parameters.contains(member.key()); });
  if (is_example) parameters.update(example);
  if (is_example && (algorithm == "SEGMENTS" || algorithm == "INVERTED"))
    for (Json& address : problem["input"]["addresses"])
      if (!address.is_array()) address = {natural(address) / 32, natural(address) % 32};
  if (!parameters.contains("table") || !parameters["table"].is_array()) return;
  const bool is_typed =
      std::ranges::all_of(parameters["table"], [](const Json& entry) { return entry.is_string(); });
  if (!is_typed) return;
  const bool is_object = algorithm == "PAGE-TABLE" || algorithm == "MULTI-LEVEL";
  Json table = is_object ? Json::object() : Json::array();
  for (const Json& word : parameters["table"]) {
    const auto text = word.get<std::string>();
    const Json numbers =
        text == "-" ? Json::array() : numbers_of(text, "--table: " + text, complaint);
    if (complaint.made()) return;
    if (is_object ? numbers.size() < 2 : text != "-" && numbers.size() != 2)
      return complaint.make(fmt::format("--table: '{}' is not an entry of the table", text));
    if (!is_object) {
      table.push_back(text == "-" ? Json() : numbers);
      continue;
    }
    Json* entry = &table;
    for (std::size_t i = 0; i + 1 < numbers.size() && (entry->is_object() || entry->is_null()); ++i)
      entry = &(*entry)[plain(numbers[i])];
    if (!entry->is_null())
      return complaint.make(fmt::format("--table: '{}' is about a page that has an entry", text));
    *entry = numbers.back();
  }
  parameters["table"] = table;
}

void TranslationForm::finish(Solved& solved) const {
  if (!solved.answer.contains("physical")) return;
  solved.answer["faults"] = std::ranges::count_if(solved.answer["physical"], [](const Json& p) {
    return p.is_null() || (p.is_object() && p.contains("fault"));
  });
}

std::string TranslationForm::question(const Json& problem) const {
  const auto policy = std::ranges::find(policies(), problem["algorithm"], &FacePolicy::algorithm);
  std::vector<std::string> given;
  for (const auto& [name, value] : problem["parameters"].items())
    given.push_back(fmt::format("{} {}", name, plain(value)));
  const Json memory = problem["input"].value("memory", Json::object());
  for (const auto& [page, bytes] : memory.items())
    given.push_back(fmt::format("page {} {}", page, plain(bytes)));
  return fmt::format("{}: {}.\n\nWhich physical addresses are {}?", policy->title, listed(given),
                     problem["input"]["addresses"].dump());
}

/// The fields that each address falls into, one below the other.
Picture picture_of_fields(const Solved& solved) {
  const bool is_page = solved.answer.contains("pairs");
  const Json& fields = solved.answer[is_page ? "pairs" : "fields"];
  chart::FrameTable picture;
  picture.references_label = "address";
  picture.fault_label = picture.footer_label = picture.hit_meaning = picture.loaded_meaning = "";
  picture.kept_meaning = is_page ? "a part of the address" : "a field of the address";
  picture.rows = {"page", "offset"};
  if (!is_page) picture.rows.clear();
  for (std::size_t f = picture.rows.size(); !fields.empty() && f < fields[0].size(); ++f)
    picture.rows.push_back(
        fmt::format("field {} ({} bits)", f + 1, plain(solved.parameters()["fields"][f])));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    chart::FrameTable::Column column{plain(solved.input()["addresses"][i]), {}, "", false};
    for (const Json& field : fields[i])
      column.cells.push_back({plain(field), chart::FrameTable::State::kKept});
    picture.columns.push_back(std::move(column));
  }
  return picture;
}

/// Parts of physical memory, added in any order.
class Places {
 public:
  void add(std::uint64_t from, std::uint64_t length, std::string label,
           Meaning meaning = Meaning::kRunning) {
    if (length != 0) parts_.push_back({from, length, std::move(label), meaning});
  }

  /// The parts as a map; none if some overlap, or if they are too many to be seen.
  [[nodiscard]] Picture map() && {
    std::ranges::sort(parts_, {}, &chart::MemoryMap::Part::from);
    chart::MemoryMap map;
    map.unit = "bytes";
    std::uint64_t end = 0;
    for (chart::MemoryMap::Part& part : parts_) {
      if (part.from < end) return {};
      if (end < part.from) map.parts.push_back({end, part.from - end, "", Meaning::kFree});
      end = part.from + part.length;
      map.parts.push_back(std::move(part));
    }
    if (map.parts.empty() || map.parts.size() > 200) return {};
    return map;
  }

 private:
  std::vector<chart::MemoryMap::Part> parts_;
};

/// Adds the frames to which a table of tables leads, each with the indices that lead to it.
void add_frames(Places& places, const Json& entry, std::uint64_t size, const std::string& page) {
  if (!entry.is_object()) return places.add(natural(entry) * size, size, "page " + page);
  for (const auto& [index, next] : entry.items())
    add_frames(places, next, size, page.empty() ? index : page + "." + index);
}

/// Adds the directory, the tables that it names, and the pages that these name: each once, under
/// what it was found to be first.
void add_two_levels(Places& places, const Solved& solved) {
  constexpr std::uint64_t kPage = 32;
  const Json& memory = solved.input()["memory"];
  std::set<std::uint64_t> seen;
  const auto add = [&](std::uint64_t page, std::string label, Meaning meaning) {
    if (seen.insert(page).second) places.add(page * kPage, kPage, std::move(label), meaning);
  };
  // The pages that the entries of a page name; the highest bit says that an entry is valid.
  const auto entries_of = [&](std::uint64_t page) {
    std::vector<std::pair<std::size_t, std::uint64_t>> entries;
    const std::string bytes = plain(memory.value(std::to_string(page), Json("")));
    for (std::size_t i = 0; 2 * i + 1 < bytes.size(); ++i)
      if (const auto byte = std::stoul(bytes.substr(2 * i, 2), nullptr, 16); byte >= 128)
        entries.emplace_back(i, byte - 128);
    return entries;
  };
  const std::uint64_t directory = natural(solved.parameters()["directory"]);
  add(directory, "the directory", Meaning::kDevice);
  const auto tables = entries_of(directory);
  for (const auto& [index, table] : tables)
    add(table, fmt::format("table {}", index), Meaning::kOverhead);
  for (const auto& [index, table] : tables)
    for (const auto& [second, page] : entries_of(table))
      add(page, fmt::format("page {}.{}", index, second), Meaning::kRunning);
}

/// Where in physical memory the space lies.
Picture TranslationForm::picture(const Solved& solved) const {
  const Json& parameters = solved.parameters();
  const std::string_view algorithm = solved.policy->algorithm;
  if (algorithm == "PAGE-OFFSET" || algorithm == "SPLIT-BITS") return picture_of_fields(solved);
  Places places;
  if (algorithm == "BASE-LIMIT")
    places.add(natural(parameters["base"]), natural(parameters["limit"]), "the process");
  if (algorithm == "SEGMENTS")
    for (std::size_t s = 0; s < parameters["table"].size(); ++s)
      if (const Json& entry = parameters["table"][s]; entry.is_array())
        places.add(natural(entry[0]), natural(entry[1]), fmt::format("segment {}", s));
  if (algorithm == "TWO-SEGMENTS") {
    places.add(natural(parameters["base0"]), natural(parameters["limit0"]), "lower segment");
    const std::uint64_t length =
        std::min(natural(parameters["limit1"]), natural(parameters["base1"]));
    places.add(natural(parameters["base1"]) - length, length, "upper segment");
  }
  const std::uint64_t size = natural(parameters.value("page_size", Json(0)));
  if (algorithm == "PAGE-TABLE") add_frames(places, parameters["table"], size, "");
  if (algorithm == "MULTI-LEVEL")
    add_frames(places, parameters["table"],
               std::uint64_t{1} << natural(parameters["fields"].back()), "");
  if (algorithm == "TWO-LEVEL") add_two_levels(places, solved);
  if (algorithm == "INVERTED")
    for (std::size_t frame = 0; frame < parameters["table"].size(); ++frame)
      if (const Json& entry = parameters["table"][frame]; entry.is_array())
        places.add(frame * size, size,
                   fmt::format("page {} of process {}", plain(entry[1]), plain(entry[0])));
  return std::move(places).map();
}

chart::Table TranslationForm::table(const Solved& solved) const {
  const Json& addresses = solved.input()["addresses"];
  const char* key = solved.answer.contains("physical") ? "physical"
                    : solved.answer.contains("pairs")  ? "pairs"
                                                       : "fields";
  const std::string_view title = key == std::string_view("physical") ? "physical address"
                                 : key == std::string_view("pairs")  ? "page and offset"
                                                                     : "fields";
  chart::Table table({"virtual address", std::string(title)});
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const Json& to = solved.answer[key][i];
    table.add_row({addresses[i].is_array()
                       ? fmt::format("{}:{}", plain(addresses[i][0]), plain(addresses[i][1]))
                       : plain(addresses[i]),
                   key == std::string_view("physical") ? physical_text(to) : plain(to)});
  }
  return table;
}

}  // namespace

const Form& translation_form() {
  static const TranslationForm kForm;
  return kForm;
}

const Face& translate_face() {
  static const Face kFace = {"translate",
                             "Translate virtual addresses: pages, segments, TLB.",
                             {&translation_form(), &tlb_form()}};
  return kFace;
}

}  // namespace spindle::cli
