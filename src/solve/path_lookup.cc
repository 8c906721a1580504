// Opening files by their paths: which inodes and directories are read on the way.

#include <set>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostBlocksOfPath = 1'000'000;
constexpr std::size_t kMostPaths = 1000;
constexpr std::size_t kLongestPath = 4096;

/// "/", "/usr", "/usr/ast" for "/usr/ast"; empty, with a complaint, if it is no path from the root.
std::vector<std::string> prefixes_of(const Field& item, const std::string& path) {
  std::vector<std::string> prefixes = {"/"};
  if (path.empty() || path.front() != '/' || path.size() > kLongestPath)
    return item.fail("\"" + path + "\" is not a path from the root"), std::vector<std::string>();
  for (std::size_t from = 1; from < path.size();) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    const std::string name = path.substr(from, end - from);
    if (name == "." || name == "..") item.fail("a path with \".\" or \"..\" is not followed here");
    if (!name.empty())
      prefixes.push_back((prefixes.size() == 1 ? "" : prefixes.back()) + "/" + name);
    from = end + 1;
  }
  return prefixes;
}

}  // namespace

Json solve_path_lookup(const Problem& problem) {
  if (problem.algorithm != "OPEN") return problem.unknown_algorithm();
  const bool root_in_memory = problem.parameters["root_in_memory"].flag_or(false);
  const bool keeps = problem.parameters["keep"].flag_or(false);
  const std::int64_t directory = problem.parameters["directory_blocks"].integer_or(1, 1, 1000);
  const std::vector<Field> paths = problem.input["paths"].items();
  if (paths.size() > kMostPaths) problem.input["paths"].fail("there are too many");
  Json steps = Json::array();
  Json reads = Json::array();
  std::int64_t total = 0;
  std::set<std::string> known;
  for (const Field& item : paths) {
    if (problem.failed()) return {};
    const std::vector<Field> parts = item.is_list() ? item.items() : std::vector<Field>{item};
    if (parts.empty() || parts.size() > 2) return item.fail("a path, or [path, blocks]"), Json();
    const std::vector<std::string> prefixes = prefixes_of(item, parts[0].text());
    const std::int64_t blocks = parts.size() == 2 ? parts[1].integer(0, kMostBlocksOfPath) : 0;
    if (problem.failed()) return {};
    if (!keeps) known.clear();
    if (root_in_memory) known.insert("inode of /");
    Json here = Json::array();
    std::int64_t sum = 0;
    const auto read = [&](const std::string& what, std::int64_t count) {
      if (count == 0 || !known.insert(what).second) return;
      here.push_back({what, count});
      sum += count;
    };
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      read("inode of " + prefixes[i], 1);
      if (i + 1 < prefixes.size()) read("directory " + prefixes[i], directory);
    }
    read("content of " + prefixes.back(), blocks);
    steps.push_back(std::move(here));
    reads.push_back(sum);
    total += sum;
  }
  return {{"steps", steps}, {"reads", reads}, {"total", total}};
}

}  // namespace spindle
