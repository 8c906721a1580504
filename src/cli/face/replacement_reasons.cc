// Why each page went: the references are gone through as the answer says, and a sentence is made of
// what the policy said of each victim.

#include <fmt/format.h>

#include <map>

#include "cli/face/memory_forms.h"
#include "cli/face/victim_words.h"

namespace spindle::cli {
namespace {

class ReplacementReasons {
 public:
  explicit ReplacementReasons(const Solved& solved)
      : keeps_counts_(solved.parameters().value("keep_counts", false)),
        victims_(solved.answer["victims"]),
        choices_(solved.answer["choices"]) {
    for (const Json& page : solved.input()["refs"])
      references_.push_back(plain(page.is_array() ? page[0] : page));
  }

  std::vector<std::string> sentences() {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < references_.size(); ++i)
      out.push_back(fmt::format("Reference {}, page {}: {}", i + 1, references_[i], step(i)));
    return out;
  }

 private:
  std::string step(std::size_t i) {
    const auto found = pages_.find(references_[i]);
    if (found != pages_.end()) {
      found->second.used = i + 1;
      return fmt::format("a hit, its use number {}.", ++found->second.uses);
    }
    const std::size_t fault = faults_++;
    std::string text = "a fault, into a free frame.";
    if (const Json& victim = victims_[fault]; !victim.is_null()) {
      const auto page = pages_.extract(plain(victim));
      text = fmt::format("a fault; {} goes: {}", page.key(),
                         victim_words(choices_[fault], page.key(), page.mapped()));
      if (keeps_counts_) kept_uses_[page.key()] = page.mapped().uses;
    }
    pages_[references_[i]] = {i + 1, i + 1, 1 + kept_uses_[references_[i]]};
    return text;
  }

  bool keeps_counts_;
  const Json& victims_;
  const Json& choices_;
  std::vector<std::string> references_;
  std::map<std::string, PageHistory> pages_;      ///< those in memory
  std::map<std::string, std::size_t> kept_uses_;  ///< of pages that went, if they go on counting
  std::size_t faults_ = 0;
};

}  // namespace

std::vector<std::string> replacement_reasons(const Solved& solved) {
  const Json& answer = solved.answer;
  if (!answer.contains("choices") || !solved.input()["refs"].is_array()) return {};
  return ReplacementReasons(solved).sentences();
}

}  // namespace spindle::cli
