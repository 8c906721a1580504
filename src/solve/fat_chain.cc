// A file allocation table: which blocks a file has, and what is wrong with its chain.

#include <map>
#include <set>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kEndOfChain = -1;
constexpr std::int64_t kMostTableBlocks = std::int64_t{1} << 40;
constexpr std::size_t kMostChains = 1000;

std::map<std::int64_t, std::int64_t> read_links(const Field& table) {
  std::map<std::int64_t, std::int64_t> links;
  for (const auto& [name, next] : table.members()) {
    constexpr std::size_t kMostDigits = 12;
    if (name.empty() || name.size() > kMostDigits ||
        name.find_first_not_of("0123456789") != std::string::npos)
      next.fail("\"" + name + "\" is not the number of a block");
    if (next.failed()) break;
    const std::int64_t block = std::stoll(name);
    links[block] = next.integer(kEndOfChain, kMostTableBlocks);
  }
  return links;
}

/// The blocks of one file, as far as the table leads.
struct FatChain {
  std::vector<std::int64_t> blocks;
  std::string wrong;  ///< empty if it ends as it should
};

FatChain follow(const std::map<std::int64_t, std::int64_t>& links, std::int64_t first,
                const std::map<std::int64_t, std::string>& owners) {
  FatChain chain;
  std::set<std::int64_t> seen;
  const auto note = [&](std::int64_t block, const std::string& before, const std::string& behind) {
    if (chain.wrong.empty()) chain.wrong = before + std::to_string(block) + behind;
  };
  for (std::int64_t block = first; block != kEndOfChain;) {
    if (!seen.insert(block).second) {
      note(block, "it comes back to block ", "");
      break;
    }
    const auto link = links.find(block);
    if (link == links.end()) {
      note(block, "block ", " is free");
      break;
    }
    if (const auto owner = owners.find(block); owner != owners.end())
      note(block, "block ", " is in the chain of " + owner->second);
    chain.blocks.push_back(block);
    block = link->second;
  }
  return chain;
}

}  // namespace

Json solve_fat_chain(const Problem& problem) {
  if (problem.algorithm != "CHAINS") return problem.unknown_algorithm();
  const auto links = read_links(problem.parameters["table"]);
  const std::int64_t block_size = problem.parameters["block_size"].integer(1, kMostTableBlocks);
  const std::vector<Field> files = problem.input["files"].items();
  if (files.size() > kMostChains) problem.input["files"].fail("there are too many");
  Json chains = Json::object();
  Json wrong = Json::object();
  Json found = Json::object();
  std::map<std::int64_t, std::string> owners;
  std::size_t listed = 0;
  for (const Field& item : files) {
    if (problem.failed()) return {};
    const std::vector<Field> parts = item.items();
    if (parts.size() < 2 || parts.size() > 3)
      return item.fail("a file is [name, first block] or [name, first block, byte]"), Json();
    const std::string name = parts[0].text();
    if (chains.contains(name)) item.fail("the name " + name + " is used twice");
    const FatChain chain = follow(links, parts[1].integer(0, kMostTableBlocks), owners);
    listed += chain.blocks.size();
    if (listed > kLongestListed) item.fail("the chains are too long");
    for (const std::int64_t block : chain.blocks) owners.try_emplace(block, name);
    chains[name] = chain.blocks;
    if (!chain.wrong.empty()) wrong[name] = chain.wrong;
    if (parts.size() < 3) continue;
    const std::int64_t at = parts[2].integer(0, kMostTableBlocks) / block_size;
    found[name] = at < static_cast<std::int64_t>(chain.blocks.size())
                      ? Json(chain.blocks[static_cast<std::size_t>(at)])
                      : Json();
  }
  const std::size_t used = owners.size();
  return {{"chains", chains},
          {"wrong", wrong},
          {"found", found},
          {"lost", static_cast<std::int64_t>(links.size()) - static_cast<std::int64_t>(used)}};
}

}  // namespace spindle
