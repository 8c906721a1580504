// Why each page went. The references are gone through as the answer says; a sentence says what
// counted of the victim: when it was loaded, when and how often used, when needed again.

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "cli/face/bit_reasons.h"
#include "cli/face/memory_forms.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kNeverUsed = std::numeric_limits<std::size_t>::max();

struct Page {
  std::size_t loaded = 0;  ///< by which reference, counted from 1 on
  std::size_t used = 0;
  std::size_t uses = 0;
  std::size_t frame = 0;
  bool bit = false;
};

class ReplacementReasons {
 public:
  explicit ReplacementReasons(const Solved& solved)
      : policy_(solved.policy->name),
        bit_on_load_(solved.parameters().value("load_bit", "1") == "1"),
        fifo_among_equals_(solved.parameters().value("tie", "fifo") == "fifo"),
        keeps_counts_(solved.parameters().value("keep_counts", false)),
        frames_(solved.parameters()["frames"].get<std::size_t>()),
        victims_(solved.answer["victims"]),
        bits_(solved) {
    for (const Json& page : solved.input()["refs"]) {
      references_.push_back(plain(page.is_array() ? page[0] : page));
      writes_.push_back(page.is_array() && page.size() == 2 && page[1] == "w");
    }
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
      found->second.bit = true;
      bits_.refer(found->second.frame, references_[i], false, writes_[i]);
      return fmt::format("a hit, its use number {}.", ++found->second.uses);
    }
    const Json& victim = victims_[fault_++];
    std::string text = "a fault, into a free frame.";
    std::size_t frame = pages_.size();
    if (!victim.is_null()) {
      const std::string name = plain(victim);
      frame = pages_[name].frame;
      text = fmt::format("a fault; {} goes: {}", name, reason(name, i));
      if (keeps_counts_) kept_uses_[name] = pages_[name].uses;
      pages_.erase(name);
    }
    const std::size_t uses = 1 + kept_uses_[references_[i]];
    pages_[references_[i]] = {i + 1, i + 1, uses, frame, bit_on_load_};
    bits_.refer(frame, references_[i], true, writes_[i]);
    return text;
  }

  [[nodiscard]] std::size_t next_use(const std::string& page, std::size_t after) const {
    for (std::size_t i = after + 1; i < references_.size(); ++i)
      if (references_[i] == page) return i + 1;
    return kNeverUsed;
  }

  std::string reason(const std::string& name, std::size_t now) {
    const Page page = pages_[name];
    if (policy_ == "fifo") return fmt::format("it was loaded first, by reference {}.", page.loaded);
    if (policy_ == "lru")
      return fmt::format("it was not used for longest, since reference {}.", page.used);
    if (policy_ == "mru") return fmt::format("it was used last, by reference {}.", page.used);
    if (policy_ == "lfu" || policy_ == "mfu")
      return fmt::format("it was used {} (uses: {}){}.",
                         policy_ == "lfu" ? "least often" : "most often", all_uses(),
                         among_equals(page.uses));
    if (policy_ == "opt") return fmt::format("{} ({}).", next_text(name, now), all_next(name, now));
    if (policy_ == "clock") return hand_to(page);
    if (policy_ == "second-chance")
      return fmt::format(
          "from the oldest on, bits are cleared until one is found clear: its own, loaded by "
          "reference {}.",
          page.loaded);
    if (std::string why = bits_.why(page.frame); !why.empty()) return why;
    return fmt::format("{}It was loaded by reference {}, used {}, last by reference {}.", rule(),
                       page.loaded, page.uses == 1 ? "once" : fmt::format("{} times", page.uses),
                       page.used);
  }

  /// What a policy with several queues goes by, in short.
  [[nodiscard]] std::string_view rule() const {
    if (policy_ == "2q")
      return "the oldest of those that came in new, if they are more than a quarter of the frames, "
             "otherwise the least recently used of those that came back. ";
    if (policy_ == "arc")
      return "the least recently used of the pages seen once, or of those seen again, as the "
             "target for the first says. ";
    if (policy_ == "sieve") return "the hand found it not visited since it was there last. ";
    if (policy_ == "random") return "it was drawn by lot. ";
    if (policy_ == "s3-fifo")
      return "the oldest of the small queue, used there again once at most, or of the main one, "
             "with no uses left. ";
    return "";
  }

  /// Why the victim went and not another page that was used as often; empty if there is none.
  [[nodiscard]] std::string_view among_equals(std::size_t uses) const {
    if (std::ranges::count(pages_, uses, [](const auto& page) { return page.second.uses; }) == 1)
      return "";
    return fifo_among_equals_ ? ", and of equals it was loaded first"
                              : ", and of equals it was not used for longest";
  }

  [[nodiscard]] std::string all_uses() const {
    std::vector<std::string> words;
    for (const auto& [name, page] : pages_) words.push_back(fmt::format("{} {}", name, page.uses));
    return fmt::format("{}", fmt::join(words, ", "));
  }

  [[nodiscard]] std::string next_text(const std::string& name, std::size_t now) const {
    const std::size_t next = next_use(name, now);
    return next == kNeverUsed ? "it is never used again"
                              : fmt::format("it is used again latest, by reference {}", next);
  }

  [[nodiscard]] std::string all_next(const std::string& victim, std::size_t now) const {
    std::vector<std::string> words;
    for (const auto& [name, page] : pages_) {
      if (name == victim) continue;
      const std::size_t next = next_use(name, now);
      words.push_back(next == kNeverUsed ? name + " never" : fmt::format("{} by {}", name, next));
    }
    return words.empty() ? "there is no other" : fmt::format("{}", fmt::join(words, ", "));
  }

  /// The hand goes from frame to frame and clears bits until it comes to the victim.
  std::string hand_to(const Page& victim) {
    std::vector<std::string> cleared;
    for (std::size_t step = 0; step < 2 * frames_; ++step, hand_ = (hand_ + 1) % frames_) {
      const auto at = std::ranges::find_if(
          pages_, [&](const auto& entry) { return entry.second.frame == hand_; });
      if (at == pages_.end()) continue;
      if (hand_ == victim.frame && !at->second.bit) break;
      if (at->second.bit) cleared.push_back(at->first);
      at->second.bit = false;
    }
    hand_ = (victim.frame + 1) % frames_;
    return cleared.empty() ? "the hand stands on it, and its bit is clear."
                           : fmt::format("the hand clears the bit of {} and finds its bit clear.",
                                         listed(cleared));
  }

  std::string_view policy_;
  bool bit_on_load_;
  bool fifo_among_equals_;
  bool keeps_counts_;
  std::size_t frames_;
  const Json& victims_;
  BitReasons bits_;
  std::vector<std::string> references_;
  std::vector<bool> writes_;
  std::map<std::string, Page> pages_;
  std::map<std::string, std::size_t> kept_uses_;  ///< of pages that went, if they go on counting
  std::size_t fault_ = 0;
  std::size_t hand_ = 0;
};

}  // namespace

std::vector<std::string> replacement_reasons(const Solved& solved) {
  if (!solved.answer.contains("victims") || !solved.input()["refs"].is_array()) return {};
  return ReplacementReasons(solved).sentences();
}

}  // namespace spindle::cli
