#include "cli/face/victim_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace spindle::cli {
namespace {

std::uint64_t natural_or_zero(const Json& value) {
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

/// What the policy said, and of whom.
struct Victim {
  const Json& choice;
  const std::string& page;
  const PageHistory& history;

  /// What a policy of a library may have left out is 0, or null.
  [[nodiscard]] std::uint64_t number(const char* name) const {
    return natural_or_zero(choice.value(name, Json()));
  }
  [[nodiscard]] Json value() const { return choice.value("value", Json()); }
  [[nodiscard]] std::vector<std::string> cleared() const {
    std::vector<std::string> pages;
    for (const Json& cleared : choice.value("cleared", Json::array()))
      pages.push_back(plain(cleared));
    return pages;
  }
  /// "2 by 4, 5 never": the pages with their values, the victim's among them or not.
  template <class Text>
  [[nodiscard]] std::vector<std::string> values(bool with_own, const Text& text) const {
    std::vector<std::string> words;
    for (const Json& item : choice.value("values", Json::array()))
      if (with_own || plain(item[0]) != page) words.push_back(text(plain(item[0]), item[1]));
    return words;
  }
  /// ", and of equals it ..."; empty if no other page has the same value.
  [[nodiscard]] std::string among_equals() const {
    static const std::map<std::string_view, std::string_view> kWords = {
        {"loaded-first", "was loaded first"},
        {"used-longest-ago", "was not used for longest"},
        {"first-frame", "is in the first frame"}};
    const auto words = kWords.find(choice.value("among_equals", ""));
    if (words == kWords.end()) return {};
    for (const Json& item : choice.value("values", Json::array()))
      if (plain(item[0]) != page && item[1] == value())
        return fmt::format(", and of equals it {}", words->second);
    return {};
  }
};

std::string history_words(const PageHistory& history) {
  return fmt::format(
      "It was loaded by reference {}, used {}, last by reference {}.", history.loaded,
      history.uses == 1 ? "once" : fmt::format("{} times", history.uses), history.used);
}

std::string clears(const Victim& victim, std::string_view then) {
  const std::vector<std::string> pages = victim.cleared();
  if (pages.empty()) return {};
  return fmt::format("clears the {} of {}{}", pages.size() == 1 ? "bit" : "bits", listed(pages),
                     then);
}

std::string by_uses(const Victim& victim) {
  const auto uses = victim.values(
      true, [](const std::string& page, const Json& count) { return page + " " + plain(count); });
  return fmt::format(
      "it was used {} (uses: {}){}.",
      victim.choice["ground"] == "fewest-uses" ? "least often" : "most often",
      uses.empty() ? plain(victim.value()) : fmt::format("{}", fmt::join(uses, ", ")),
      victim.among_equals());
}

std::string by_next_use(const Victim& victim) {
  const Json next = victim.value();
  const auto others = victim.values(false, [](const std::string& page, const Json& use) {
    return use.is_null() ? page + " never" : fmt::format("{} by {}", page, plain(use));
  });
  return fmt::format(
      "{}{} ({}).",
      next.is_null() ? "it is never used again"
                     : "it is used again latest, by reference " + plain(next),
      victim.among_equals(),
      others.empty() ? "there is no other" : fmt::format("{}", fmt::join(others, ", ")));
}

/// NRU's class, or ageing's counter, in front of the others'.
template <class Text>
std::string lowest(const Victim& victim, const std::string& what, const Text& text) {
  const auto others = victim.values(false, [&](const std::string& page, const Json& value) {
    return fmt::format("{}: {}", page, text(natural_or_zero(value)));
  });
  if (!victim.choice.contains("values")) return what + "; none is lower.";
  if (others.empty()) return what + "; there is no other.";
  return fmt::format("{}; none is lower{} ({}).", what, victim.among_equals(),
                     fmt::join(others, ", "));
}

std::string by_class(const Victim& victim) {
  constexpr std::array<std::string_view, 4> kClasses = {
      "neither used nor written", "written, but not used", "used, but not written",
      "used and written"};
  const std::uint64_t own = victim.number("value");
  const std::string_view words = own < kClasses.size() ? kClasses[own] : "";
  return lowest(victim, fmt::format("its class is {}, {}", own, words),
                [](std::uint64_t value) { return std::to_string(value); });
}

std::string by_counter(const Victim& victim) {
  constexpr std::uint64_t kMostBits = 63;
  const std::uint64_t bits = std::min(victim.number("limit"), kMostBits);
  const auto text = [bits](std::uint64_t value) {
    const std::uint64_t counter = value & ((std::uint64_t{1} << bits) - 1);
    return fmt::format("{} {:0{}b}", value >> bits, counter, bits);
  };
  return lowest(victim, "its bit of this tick and its counter are " + text(victim.number("value")),
                text);
}

std::string by_hand(const Victim& victim) {
  const std::vector<std::string> cleared = victim.cleared();
  return cleared.empty() ? "the hand stands on it, and its bit is clear."
                         : fmt::format("the hand clears the bit of {} and finds its bit clear.",
                                       listed(cleared));
}

std::string by_row(const Victim& victim) {
  return fmt::format(
      "from the oldest on, bits are cleared until one is found clear: its own, loaded by "
      "reference {}.",
      victim.history.loaded);
}

std::string by_rounds(const Victim& victim) {
  const std::uint64_t round = victim.number("count");
  if (round == 1) return "the hand finds it neither used nor written.";
  if (round == 2)
    return fmt::format(
        "the first round finds none that is neither used nor written; the second {}finds it "
        "written, but not used.",
        clears(victim, " and "));
  return fmt::format("all were used; the second round {}the {} finds it {}.",
                     clears(victim, ", and "), round == 3 ? "third" : "fourth",
                     round == 3 ? "not written" : "written, as all are");
}

std::string by_working_set(const Victim& victim) {
  return fmt::format(
      "the hand {}finds it clean, its use last noted at reference {}, more than {} "
      "references ago.",
      clears(victim, " and "), victim.number("noted_use"), victim.number("limit"));
}

std::string in_working_set(const Victim& victim) {
  return fmt::format(
      "the hand {}finds no clean page whose use it noted more than {} references ago; {}.",
      clears(victim, " and "), victim.number("limit"),
      victim.choice["ground"] == "first-clean"
          ? "this is the first clean one whose bit was clear"
          : "no clean one had a clear bit either, and it takes the one where it stood");
}

/// Two queues, one of which has a share of the frames.
std::string by_queues(const Victim& victim) {
  const std::uint64_t count = victim.number("count");
  const bool is_new = victim.choice["ground"] == "oldest-of-new";
  return fmt::format("{} new, and {} should be; it is the {}. {}",
                     count == 0   ? "no page is"
                     : count == 1 ? "1 page is"
                                  : fmt::format("{} pages are", count),
                     victim.number("limit"),
                     is_new ? "oldest of these" : "least recently used of the others",
                     history_words(victim.history));
}

/// With a sentence about the ground, and what happened to the page.
std::string with_history(const Victim& victim, std::string_view ground) {
  return fmt::format("{} {}", ground, history_words(victim.history));
}

using Words = std::string (*)(const Victim& victim);

const std::map<std::string_view, Words>& words() {
  static const std::map<std::string_view, Words> kWords = {
      {"loaded-first",
       [](const Victim& v) {
         return fmt::format("it was loaded first, by reference {}.", v.history.loaded);
       }},
      {"used-longest-ago",
       [](const Victim& v) {
         return fmt::format("it was not used for longest, since reference {}.", v.history.used);
       }},
      {"used-last",
       [](const Victim& v) {
         return fmt::format("it was used last, by reference {}.", v.history.used);
       }},
      {"fewest-uses", by_uses},
      {"most-uses", by_uses},
      {"used-again-latest", by_next_use},
      {"lowest-class", by_class},
      {"lowest-counter", by_counter},
      {"bit-found-clear", by_hand},
      {"bit-found-clear-in-row", by_row},
      {"round-of-hand", by_rounds},
      {"left-working-set", by_working_set},
      {"first-clean", in_working_set},
      {"where-hand-stood", in_working_set},
      {"oldest-of-new", by_queues},
      {"longest-unused-of-kept", by_queues},
      {"drawn-by-lot", [](const Victim& v) { return with_history(v, "it was drawn by lot."); }},
      {"not-visited-again",
       [](const Victim& v) {
         return with_history(v, "the hand found it not visited since it was there last.");
       }},
      {"oldest-of-small-queue",
       [](const Victim& v) {
         return with_history(v, "the oldest of the small queue, used there again once at most.");
       }},
      {"oldest-of-main-queue", [](const Victim& v) {
         return with_history(v, "the oldest of the main queue, with no uses left.");
       }}};
  return kWords;
}

}  // namespace

std::string victim_words(const Json& choice, const std::string& page, const PageHistory& history) {
  const std::string ground = choice.is_object() ? choice.value("ground", "") : "";
  const auto found = words().find(ground);
  return found == words().end() ? history_words(history) : found->second({choice, page, history});
}

}  // namespace spindle::cli
