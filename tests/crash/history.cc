#include <algorithm>

#include "workload.h"

namespace spindle::test {

void History::begin(std::size_t events) {
  began_.push_back(events);
}

void History::end(std::string names) {
  names_.push_back(std::move(names));
  CHECK(names_.size() == began_.size());
}

void History::wrote(std::uint32_t id, std::vector<std::byte> content) {
  files_[id].versions.push_back({running(), std::move(content)});
}

void History::names_durable(std::size_t events, std::size_t operation) {
  durable_names_.push_back({events, operation});
}

void History::file_durable(std::size_t events, std::uint32_t id) {
  files_[id].durable.push_back({events, running()});
}

std::size_t History::promised(const std::vector<Promise>& promises, std::size_t cut) {
  std::size_t operation = 0;
  for (const Promise& promise : promises) {
    if (promise.events <= cut) operation = std::max(operation, promise.operation);
  }
  return operation;
}

std::string History::judge_names(std::size_t cut, const std::string& names) const {
  const std::size_t first = promised(durable_names_, cut);
  for (std::size_t i = first; i < names_.size() && began_[i] <= cut; ++i) {
    if (names_[i] == names) return "";
  }
  return "names that were never there since operation " + std::to_string(first) + ":\n" + names +
         "then:\n" + names_[first];
}

std::string History::judge_content(std::size_t cut, std::uint32_t id,
                                   const std::vector<std::byte>& content) const {
  const auto found = files_.find(id);
  if (found == files_.end()) return "a file that was never made";
  const auto& versions = found->second.versions;
  const std::size_t durable = promised(found->second.durable, cut);
  std::size_t first = 0;
  while (first + 1 < versions.size() && versions[first + 1].operation <= durable) ++first;
  std::size_t end = first + 1;
  while (end < versions.size() && began_[versions[end].operation] <= cut) ++end;

  // A write in several transactions may be half done: any size between two versions.
  const auto allowed = std::span(versions).subspan(first, end - first);
  const auto size_of = [](const Version& version) { return version.content.size(); };
  const auto [least, most] = std::ranges::minmax(allowed, {}, size_of);
  const std::string name =
      "file " + std::to_string(id) + " (synced in operation " + std::to_string(durable) + ")";
  if (content.size() < least.content.size() || content.size() > most.content.size()) {
    return name + " has " + std::to_string(content.size()) + " bytes";
  }
  for (std::size_t i = 0; i < content.size(); ++i) {
    const bool had = std::ranges::any_of(allowed, [&](const Version& version) {
      return i < version.content.size() && version.content[i] == content[i];
    });
    if (had) continue;
    std::string text = name + " has at " + std::to_string(i) + " the byte " +
                       std::to_string(std::to_integer<int>(content[i])) + ", but:";
    for (const Version& version : versions) {
      text += "\n  operation " + std::to_string(version.operation) + ": size " +
              std::to_string(version.content.size());
      if (i < version.content.size()) {
        text += " byte " + std::to_string(std::to_integer<int>(version.content[i]));
      }
    }
    return text;
  }
  return "";
}

}  // namespace spindle::test
