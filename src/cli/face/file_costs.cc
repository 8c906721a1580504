// How large what a file system writes down is: formulas of `spindle files`.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/files_forms.h"
#include "cli/face/formula.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

Formula space_size() {
  return {
      .domain = "file-cost",
      .policy = {"space-size", "SPACE-SIZE", "Bitmap and list of free blocks"},
      .quantities = {{number_parameter("disk_bytes", "space-size, fat-size: bytes of the disk",
                                       "1099511627776"),
                      {1073741824, 16000000000, 1099511627776}},
                     {number_parameter("block_size", "", "4096"), {512, 1024, 4096, 8192}},
                     {number_parameter("address_bits", "", "32"), {16, 32, 64}}},
      .results = {{"bitmap_bytes", "bitmap", "bytes"},
                  {"bitmap_blocks", "blocks of the bitmap", ""},
                  {"blocks", "blocks of the disk", ""},
                  {"addresses_per_block", "numbers of free blocks in a block of the list", ""},
                  {"list_blocks", "blocks of the list if all are free", ""},
                  {"break_even_percent", "the list is shorter up to", "% free"}},
      .curve = {"block_size", 512, 65536, "bytes of a block", true},
      .question =
          [](const Json& q) {
            return fmt::format(
                "A disk has {} bytes in blocks of {}; a block has a number of {} bits. How large "
                "is a "
                "bitmap of its free blocks, how many blocks does a list of them all take, and up "
                "to which share of free blocks is the list the shorter one?",
                value_text(q, "disk_bytes"), value_text(q, "block_size"),
                value_text(q, "address_bits"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& q = solved.parameters();
            const Json& a = solved.answer;
            return std::vector<std::string>{
                fmt::format("{} / {}: {} blocks, each with a bit: {} / 8 = {}.",
                            value_text(q, "disk_bytes"), value_text(q, "block_size"),
                            value_text(a, "blocks"), value_text(a, "blocks"),
                            bytes_text(a["bitmap_bytes"])),
                fmt::format("{} / {}, rounded up: {} blocks of bitmap.",
                            value_text(a, "bitmap_bytes"), value_text(q, "block_size"),
                            value_text(a, "bitmap_blocks")),
                fmt::format("{} x 8 / {} numbers fit into a block of the list; one is that of its "
                            "next block, {} are of free blocks.",
                            value_text(q, "block_size"), value_text(q, "address_bits"),
                            value_text(a, "addresses_per_block")),
                fmt::format("{} / {}, rounded up: {} blocks of list if all are free.",
                            value_text(a, "blocks"), value_text(a, "addresses_per_block"),
                            value_text(a, "list_blocks")),
                fmt::format(
                    "A free block costs {} bits in the list, any block 1 bit in the bitmap: "
                    "up to 1 / {} = {} % free the list is shorter.",
                    value_text(q, "address_bits"), value_text(q, "address_bits"),
                    value_text(a, "break_even_percent"))};
          }};
}

/// What a number with so many bits can tell apart: "2^28 = 268435456".
std::string power_of_two(const Json& bits) {
  const auto exponent = static_cast<unsigned>(as_number(bits));
  return fmt::format("2^{} = {}", exponent, std::uint64_t{1} << exponent);
}

Formula fat_size() {
  return {
      .domain = "file-cost",
      .policy = {"fat-size", "FAT", "Size of a file allocation table"},
      .quantities =
          {{number_parameter("disk_bytes", "", "2147483648"), {100000000, 536870912, 2147483648}},
           {number_parameter("block_size", "", "32768"), {2048, 4096, 8192, 32768}},
           {number_parameter("entry_bits", "fat-size: bits of an entry of the table", "16"),
            {16, 32}},
           {number_parameter("number_bits",
                             "fat-size: bits of them that hold the number of a block", "16"),
            {}},
           {{"table_on_disk", Kind::kFlag,
             "fat-size: whether the table takes its place of the bytes of the disk", "no"}}},
      .results = {{"table_bytes", "table", "bytes"},
                  {"table_blocks", "blocks of the table", ""},
                  {"blocks", "blocks with an entry", ""},
                  {"largest_file_bytes", "largest file, all of these", "bytes"},
                  {"largest_volume_bytes", "largest volume", "bytes"}},
      .curve = {"block_size", 512, 65536, "bytes of a block", true},
      .question =
          [](const Json& q) {
            return fmt::format(
                "A disk of {} bytes has blocks of {}. The entries of its file allocation table "
                "have {} "
                "bits, {} of them for the number of a block. How large is the table, which is {}, "
                "and how large the largest file? How large a volume could it be for?",
                value_text(q, "disk_bytes"), value_text(q, "block_size"),
                value_text(q, "entry_bits"), value_text(q, "number_bits"),
                q.value("table_on_disk", false) ? "on the disk itself" : "not on these");
          },
      .reasons =
          [](const Solved& solved) {
            const Json& q = solved.parameters();
            const Json& a = solved.answer;
            std::vector<std::string> out;
            const bool on_disk = q.value("table_on_disk", false);
            out.push_back(
                on_disk ? fmt::format(
                              "A block takes {} x 8 bits and an entry of {}: {} x 8 / {}, rounded "
                              "down, such pairs fit on the disk.",
                              value_text(q, "block_size"), value_text(q, "entry_bits"),
                              value_text(q, "disk_bytes"),
                              plain(as_number(q["block_size"]) * 8 + as_number(q["entry_bits"])))
                        : fmt::format("{} / {}, rounded down: so many blocks fit on the disk.",
                                      value_text(q, "disk_bytes"), value_text(q, "block_size")));
            const bool is_full = a["largest_file_bytes"] == a["largest_volume_bytes"];
            out.push_back(fmt::format("{} bits tell {} blocks apart{}: {} have an entry.",
                                      value_text(q, "number_bits"), power_of_two(q["number_bits"]),
                                      is_full ? ", and no more" : ", which is enough",
                                      value_text(a, "blocks")));
            out.push_back(fmt::format("{} x {} bits: {}, in {} blocks.", value_text(a, "blocks"),
                                      value_text(q, "entry_bits"), bytes_text(a["table_bytes"]),
                                      value_text(a, "table_blocks")));
            out.push_back(fmt::format("A file may have all {} blocks: {}.", value_text(a, "blocks"),
                                      bytes_text(a["largest_file_bytes"])));
            out.push_back(fmt::format("The largest volume has {} blocks of {} bytes: {}.",
                                      power_of_two(q["number_bits"]), value_text(q, "block_size"),
                                      bytes_text(a["largest_volume_bytes"])));
            return out;
          }};
}

/// Which block the first free bit of a bitmap stands for.
class FirstFreeForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "file-cost"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"first-free", "FIRST-FREE", "First free block of a bitmap", {"word_bits", "one"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"word_bits", Kind::kNumber, "first-free: bits of a word", "8"},
        {"one", Kind::kChoice, "", "free", {"free", "used"}, false, false}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"block", "block"},
                                                   {"words_skipped", "words skipped"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "first-free: the bitmap as 00000000 00110100";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json bits = Json::array();
    for (const std::vector<std::string>& row : rows)
      for (const std::string& part : row)
        for (const std::string& word : split(part, ", ")) bits.push_back(word);
    if (bits.empty()) complaint.make(no_input("bits", *this));
    return {{"bits", bits}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 32, 1, 100'000);
    Random random(recipe.seed());
    recipe.finish_as("uniform");
    // Free blocks come late, and then often.
    const std::uint64_t first = random.below(count + 1);
    Json bits = Json::array();
    for (std::uint64_t i = 0; i < count && !complaint.made(); ++i) {
      if (i % 8 == 0) bits.push_back("");
      const bool is_one = i == first || (i > first && random.one_in(2));
      bits.back() = bits.back().get<std::string>() + (is_one ? '1' : '0');
    }
    return {{"bits", bits}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=32,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    const Json& p = problem["parameters"];
    return fmt::format(
        "A bitmap begins with these bits, in words of {}; a 1 means that the block is {}. Which is "
        "the first free block?\n\n  {}",
        plain(p["word_bits"]), plain(p["one"]),
        fmt::join(words_of(problem["input"]["bits"], p), " "));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"word", "bits", "looked at"});
    const auto words = words_of(solved.input()["bits"], solved.parameters());
    const auto skipped = solved.answer["words_skipped"].get<std::size_t>();
    for (std::size_t i = 0; i < words.size(); ++i)
      table.add_row({std::to_string(i), words[i],
                     i < skipped    ? "skipped"
                     : i == skipped ? "has it"
                                    : "no"});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    const Json& block = solved.answer["block"];
    return {{"first free block", block.is_null() ? "none" : plain(block)}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;

 private:
  static std::vector<std::string> words_of(const Json& bits, const Json& parameters) {
    std::string all;
    for (const Json& part : bits) all += plain(part);
    const auto length = static_cast<std::size_t>(std::max(1.0, as_number(parameters["word_bits"])));
    std::vector<std::string> words;
    for (std::size_t from = 0; from < all.size(); from += length)
      words.push_back(all.substr(from, length));
    return words;
  }
};

Picture FirstFreeForm::picture(const Solved& solved) const {
  chart::FrameTable picture;
  picture.references_label = "word";
  picture.fault_label = picture.footer_label = "";
  picture.hit_meaning = "has a free block";
  picture.loaded_meaning = "";
  picture.kept_meaning = "none free";
  picture.rows = {"bits"};
  const auto words = words_of(solved.input()["bits"], solved.parameters());
  const auto skipped = solved.answer["words_skipped"].get<std::size_t>();
  using State = chart::FrameTable::State;
  for (std::size_t i = 0; i < words.size(); ++i)
    picture.columns.push_back({std::to_string(i),
                               {{words[i], i < skipped    ? State::kKept
                                           : i == skipped ? State::kHit
                                                          : State::kEmpty}},
                               "",
                               false});
  return picture;
}

std::vector<std::string> FirstFreeForm::reasons(const Solved& solved) const {
  const auto words = words_of(solved.input()["bits"], solved.parameters());
  const auto skipped = solved.answer["words_skipped"].get<std::size_t>();
  const char free = solved.parameters().value("one", "free") == "free" ? '1' : '0';
  const char used = free == '1' ? '0' : '1';
  std::vector<std::string> out;
  if (skipped > 0)
    out.push_back(fmt::format(
        "{} all {}: none of {} blocks is free.",
        skipped == 1 ? "The first word is" : fmt::format("The first {} words are", skipped), used,
        skipped == 1 ? "its" : "their"));
  if (solved.answer["block"].is_null()) return out;
  const std::string offset = plain(solved.answer["offset"]);
  out.push_back(fmt::format("Word {} is {}: its first {} is bit {}, counted from 0.", skipped,
                            words[skipped], free, offset));
  out.push_back(fmt::format("{} x {} + {} = {}.", plain(solved.parameters()["word_bits"]), skipped,
                            offset, plain(solved.answer["block"])));
  return out;
}

}  // namespace

const std::vector<const Form*>& file_cost_forms() {
  static const FormulaForm kForms[] = {FormulaForm(space_size()), FormulaForm(fat_size())};
  static const FirstFreeForm kFirstFree;
  static const std::vector<const Form*> kList = {&kFirstFree, &kForms[0], &kForms[1]};
  return kList;
}

}  // namespace spindle::cli
