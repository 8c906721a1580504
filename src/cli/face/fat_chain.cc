// The chains of a file allocation table: a form of `spindle files`.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cli/face/files_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

class FatChainForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "fat-chain"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"fat-chain", "CHAINS", "Chains of a file allocation table", {"table", "block_size"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"table", Kind::kWords,
         "fat-chain: entries as BLOCK+NEXT, or BLOCK+- at the end of a chain",
         "4+7,7+2,2+10,10+12,12+-,6+3,3+11,11+14,14+-"},
        {"block_size", Kind::kNumber, "", "1024"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"lost", "blocks of no file"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "fat-chain: files as NAME:FIRST_BLOCK[:BYTE]";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json files = Json::array();
    for (const std::vector<std::string>& row : rows) {
      if (row.size() < 2 || row.size() > 3)
        return complaint.make_malformed("files", row, "NAME:FIRST_BLOCK[:BYTE]"), Json();
      check_name_is_new(row[0], files, "files", complaint);
      Json file = {row[0], read_number(row[1], "first block of " + row[0], complaint)};
      if (row.size() == 3) file.push_back(read_number(row[2], "byte of " + row[0], complaint));
      files.push_back(std::move(file));
    }
    if (files.empty()) complaint.make(no_input("files", *this));
    return {{"files", files}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    Random random(recipe.seed());
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    // The two files of the example table.
    return {{"files", {{"A", 4, random.below(5 * 1024)}, {"B", 6, random.below(4 * 1024)}}}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:seed={}", seed);
  }
  void complete(Json& problem, Complaint& complaint) const override;
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    Facts facts = {{"blocks of no file", plain(solved.answer["lost"])}};
    for (const auto& [name, what] : solved.answer["wrong"].items())
      facts.emplace_back("wrong with " + name, plain(what));
    return facts;
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

/// The entries are typed as BLOCK+NEXT.
void FatChainForm::complete(Json& problem, Complaint& complaint) const {
  Json& table = problem["parameters"]["table"];
  if (!table.is_array()) return;
  Json links = Json::object();
  for (const Json& entry : table) {
    const std::string text = plain(entry);
    const std::vector<std::string> parts = split(text, "+");
    if (parts.size() != 2)
      return complaint.make(fmt::format("--table: '{}' is not BLOCK+NEXT", text));
    const std::string block = plain(read_number(parts[0], "--table", complaint));
    if (links.contains(block))
      return complaint.make(fmt::format("--table: '{}' is about a block that has an entry", text));
    links[block] = parts[1] == "-" ? Json(-1) : read_number(parts[1], "--table", complaint);
  }
  table = std::move(links);
}

/// The entries in the order of their blocks.
std::vector<std::pair<std::uint64_t, Json>> sorted_links(const Json& table) {
  std::vector<std::pair<std::uint64_t, Json>> links;
  for (const auto& [block, next] : table.items())
    links.emplace_back(std::strtoull(block.c_str(), nullptr, 10), next);
  std::ranges::sort(links, {}, &std::pair<std::uint64_t, Json>::first);
  return links;
}

std::string chain_text(const Json& blocks) {
  std::string text;
  for (const Json& block : blocks) text += (text.empty() ? "" : ", ") + plain(block);
  return text.empty() ? "none" : text;
}

std::string FatChainForm::question(const Json& problem) const {
  std::vector<std::string> entries;
  for (const auto& [block, next] : sorted_links(problem["parameters"]["table"]))
    entries.push_back(next == -1 ? fmt::format("{}: end", block)
                                 : fmt::format("{}: {}", block, plain(next)));
  std::vector<std::string> files;
  std::vector<std::string> bytes;
  for (const Json& file : problem["input"]["files"]) {
    files.push_back(fmt::format("{} begins with block {}", plain(file[0]), plain(file[1])));
    if (file.size() == 3)
      bytes.push_back(fmt::format("byte {} of {}", plain(file[2]), plain(file[0])));
  }
  return fmt::format(
      "A file allocation table has these entries; blocks have {} bytes. {}. Which blocks has "
      "each{}?\n\n  {}",
      plain(problem["parameters"]["block_size"]), listed(files),
      bytes.empty() ? "" : fmt::format(", and in which block is {}", listed(bytes)),
      fmt::join(entries, "  "));
}

/// Which file each block of the table belongs to, and which is next.
Picture FatChainForm::picture(const Solved& solved) const {
  using State = chart::FrameTable::State;
  chart::FrameTable picture;
  picture.references_label = "block";
  picture.fault_label = picture.footer_label = picture.hit_meaning = "";
  picture.loaded_meaning = "of a file";
  picture.kept_meaning = "of no file";
  picture.rows = {"next", "file"};
  for (const auto& [block, next] : sorted_links(solved.parameters()["table"])) {
    std::string owner;
    for (const auto& [name, chain] : solved.answer["chains"].items())
      if (owner.empty() && std::ranges::find(chain, Json(block)) != chain.end()) owner = name;
    const State state = owner.empty() ? State::kKept : State::kLoaded;
    picture.columns.push_back({std::to_string(block),
                               {{next == -1 ? "end" : plain(next), state}, {owner, state}},
                               "",
                               false});
  }
  return picture;
}

chart::Table FatChainForm::table(const Solved& solved) const {
  chart::Table table({"file", "first block", "blocks", "byte", "in block"});
  for (const Json& file : solved.input()["files"]) {
    const std::string name = plain(file[0]);
    const bool asks = file.size() == 3;
    const Json found = asks ? solved.answer["found"][name] : Json();
    table.add_row({name, plain(file[1]), chain_text(solved.answer["chains"][name]),
                   asks ? plain(file[2]) : "-",
                   !asks             ? "-"
                   : found.is_null() ? "beyond the end"
                                     : plain(found)});
  }
  return table;
}

std::vector<std::string> FatChainForm::reasons(const Solved& solved) const {
  std::vector<std::string> out;
  const Json& answer = solved.answer;
  for (const Json& file : solved.input()["files"]) {
    const std::string name = plain(file[0]);
    std::string text = fmt::format("{} begins with block {}; the entries lead through {}", name,
                                   plain(file[1]), chain_text(answer["chains"][name]));
    text += answer["wrong"].contains(name) ? fmt::format(": {}.", plain(answer["wrong"][name]))
                                           : ", which is the end.";
    if (file.size() == 3) {
      const double size = as_number(solved.parameters()["block_size"]);
      const auto at = static_cast<std::uint64_t>(as_number(file[2]) / size);
      text += fmt::format(" Byte {} / {}, rounded down: block number {} of it, counted from 0, {}.",
                          plain(file[2]), plain(size), at,
                          answer["found"][name].is_null()
                              ? "which it does not have"
                              : fmt::format("is block {}: {} of the table {} followed",
                                            plain(answer["found"][name]), counted(at, "link"),
                                            at == 1 ? "is" : "are"));
    }
    out.push_back(text);
  }
  return out;
}

}  // namespace

const Form& fat_chain_form() {
  static const FatChainForm kForm;
  return kForm;
}

}  // namespace spindle::cli
