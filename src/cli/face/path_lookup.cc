// Which inodes and directories are read to open a file: a form of `spindle files`.

#include <fmt/format.h>

#include "cli/face/files_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

class PathForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "path-lookup"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"path", "OPEN", "Paths", {"root_in_memory", "keep", "directory_blocks"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"root_in_memory", Kind::kFlag, "path: whether the inode of the root is in memory", "no"},
        {"keep", Kind::kFlag, "path: whether what was read for one path is in memory for the next",
         "no"},
        {"directory_blocks", Kind::kNumber, "path: blocks that are read of a directory", "1"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"total", "disk reads"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "path: files as PATH to open them, or PATH:BLOCKS to read so many, too";
  }
  [[nodiscard]] bool rows_have_numbers() const override { return false; }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json paths = Json::array();
    for (const std::vector<std::string>& row : rows) {
      if (row.size() > 2)
        return complaint.make_malformed("paths", row, "PATH or PATH:BLOCKS"), Json();
      paths.push_back(
          {row[0], row.size() == 2 ? read_number(row[1], "blocks", complaint) : Json(0)});
    }
    if (paths.empty()) complaint.make(no_input("paths", *this));
    return {{"paths", paths}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=2,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"disk reads", plain(solved.answer["total"])}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

Json PathForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 3, 1, 100);
  Random random(recipe.seed());
  recipe.finish_as("uniform");
  constexpr const char* kNames[] = {"usr", "home", "ast", "courses", "os", "notes", "src", "etc"};
  Json paths = Json::array();
  for (std::uint64_t i = 0; i < count && !complaint.made(); ++i) {
    std::string path;
    for (std::uint64_t depth = 1 + random.below(4); depth > 0; --depth)
      path += fmt::format("/{}", kNames[random.below(std::size(kNames))]);
    paths.push_back({path + "/handout.t", random.below(3)});
  }
  return {{"paths", paths}};
}

/// A path, or [path, blocks], as a file may have them.
std::string path_of(const Json& item) {
  return plain(item.is_array() ? item[0] : item);
}
std::uint64_t blocks_of_path(const Json& item) {
  return item.is_array() && item.size() == 2 ? static_cast<std::uint64_t>(as_number(item[1])) : 0;
}

std::string PathForm::question(const Json& problem) const {
  const Json& p = problem["parameters"];
  std::vector<std::string> steps;
  for (const Json& item : problem["input"]["paths"])
    steps.push_back(fmt::format(
        "{} is opened{}", path_of(item),
        blocks_of_path(item) == 0
            ? ""
            : fmt::format(", and {} of it read", counted(blocks_of_path(item), "block"))));
  return fmt::format("{}: {}. {} Of a directory {} read. Which blocks are read from the disk?",
                     p.value("keep", false) ? "One after the other" : "Each for itself",
                     fmt::join(steps, "; "),
                     p.value("root_in_memory", false) ? "Only the inode of the root is in memory."
                                                      : "Nothing is in memory.",
                     as_number(p["directory_blocks"]) == 1
                         ? "one block is"
                         : fmt::format("{} blocks are", plain(p["directory_blocks"])));
}

/// What is read, one after the other, with how many blocks each takes.
Picture PathForm::picture(const Solved& solved) const {
  using State = chart::FrameTable::State;
  chart::FrameTable picture;
  picture.references_label = "read";
  picture.fault_label = picture.footer_label = picture.hit_meaning = picture.kept_meaning = "";
  picture.loaded_meaning = "blocks read";
  std::vector<std::pair<std::string, Json>> reads;
  for (const Json& steps : solved.answer["steps"])
    for (const Json& step : steps) reads.emplace_back(plain(step[0]), step[1]);
  constexpr std::size_t kMostReads = 40;
  if (reads.empty() || reads.size() > kMostReads) return {};
  for (const auto& [what, blocks] : reads)
    if (std::ranges::find(picture.rows, what) == picture.rows.end()) picture.rows.push_back(what);
  for (std::size_t i = 0; i < reads.size(); ++i) {
    chart::FrameTable::Column column{std::to_string(i + 1), {}, "", false};
    for (const std::string& row : picture.rows)
      column.cells.push_back(row == reads[i].first
                                 ? chart::FrameTable::Cell{plain(reads[i].second), State::kLoaded}
                                 : chart::FrameTable::Cell{"", State::kEmpty});
    picture.columns.push_back(std::move(column));
  }
  return picture;
}

chart::Table PathForm::table(const Solved& solved) const {
  chart::Table table({"path", "what is read", "blocks"});
  const Json& paths = solved.input()["paths"];
  for (std::size_t i = 0; i < paths.size(); ++i)
    for (const Json& step : solved.answer["steps"][i])
      table.add_row({path_of(paths[i]), plain(step[0]), plain(step[1])});
  return table;
}

std::vector<std::string> PathForm::reasons(const Solved& solved) const {
  std::vector<std::string> out;
  const Json& paths = solved.input()["paths"];
  for (std::size_t i = 0; i < paths.size(); ++i) {
    std::vector<std::string> parts;
    for (const Json& step : solved.answer["steps"][i])
      parts.push_back(step[1] == 1 ? plain(step[0])
                                   : fmt::format("{} ({} blocks)", plain(step[0]), plain(step[1])));
    const auto reads = solved.answer["reads"][i].get<std::uint64_t>();
    out.push_back(
        parts.empty()
            ? fmt::format("{}: all is in memory: 0 reads.", path_of(paths[i]))
            : fmt::format("{}: {}: {}. An inode says where the content is, and a directory "
                          "where the inode of a name in it is.",
                          path_of(paths[i]), fmt::join(parts, ", "), counted(reads, "read")));
  }
  return out;
}

}  // namespace

const Form& path_form() {
  static const PathForm kForm;
  return kForm;
}

}  // namespace spindle::cli
