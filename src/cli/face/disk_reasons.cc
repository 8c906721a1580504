#include "cli/face/disk_reasons.h"

#include <fmt/format.h>

#include <map>

namespace spindle::cli {
namespace {

/// What the policy said of a choice (the `choices` of the solver's answer).
struct ArmStep {
  const Json& choice;
  std::string_view policy;
  double arrival = 0;  ///< of the request

  [[nodiscard]] std::uint64_t cylinder(const char* name) const {
    return choice[name].get<std::uint64_t>();
  }
  [[nodiscard]] std::uint64_t away(const char* name = "to") const {
    const std::uint64_t from = cylinder("from");
    const std::uint64_t there = cylinder(name);
    return from < there ? there - from : from - there;
  }
  /// The direction of service after it.
  [[nodiscard]] bool goes_up() const { return choice["up"].get<bool>(); }

  /// The nearest of those that were not chosen.
  [[nodiscard]] std::string others() const {
    std::vector<std::string> words;
    for (const char* side : {"above", "below"})
      if (!choice[side].is_null())
        words.push_back(fmt::format("{} is {} away {}wards", plain(choice[side]), away(side),
                                    side == std::string_view("above") ? "up" : "down"));
    return words.empty() ? "no other waits" : fmt::format("{}", fmt::join(words, ", "));
  }
  [[nodiscard]] std::string edge() const {
    const Json& turns = choice["turns"];
    return turns.empty() ? "" : fmt::format("goes to the edge, {}, and ", plain(turns[0]));
  }
};

std::string_view wards(bool up) {
  return up ? "upwards" : "downwards";
}

std::string ahead(const ArmStep& step, std::string_view scope) {
  return fmt::format("it is the next request{} {}.", scope, wards(step.goes_up()));
}

std::string after_turn(const ArmStep& step, std::string_view scope) {
  return fmt::format("nothing{} waits further {}; the arm {}turns; this is the first {}.", scope,
                     wards(!step.goes_up()), step.edge(), wards(step.goes_up()));
}

std::string after_return(const ArmStep& step) {
  return fmt::format(
      "nothing waits further {}; the arm {}returns without serving, to the {} request.",
      wards(step.goes_up()), step.edge(), step.goes_up() ? "lowest" : "highest");
}

/// A clause, and how far away the request is, and the others are.
std::string near(const ArmStep& step, std::string_view what, std::string_view how = "") {
  return fmt::format("{}, {} cylinders away{}; {}.", what, step.away(), how, step.others());
}

using ArmWords = std::string (*)(const ArmStep& step);

const std::map<std::string_view, ArmWords>& arm_words() {
  static const std::map<std::string_view, ArmWords> kWords = {
      {"oldest",
       [](const ArmStep& step) {
         return fmt::format("it is the oldest request, {} cylinders away.", step.away());
       }},
      {"nearest", [](const ArmStep& step) { return near(step, "it is the nearest"); }},
      {"nearest-with-turn",
       [](const ArmStep& step) {
         return near(step, "it is the nearest", ", turning counted as way");
       }},
      {"soonest", [](const ArmStep& step) { return near(step, "it is reached soonest"); }},
      {"next-ahead", [](const ArmStep& step) { return ahead(step, ""); }},
      {"next-ahead-of-sweep", [](const ArmStep& step) { return ahead(step, " of this sweep"); }},
      {"first-after-turn", [](const ArmStep& step) { return after_turn(step, ""); }},
      {"first-after-turn-of-sweep",
       [](const ArmStep& step) { return after_turn(step, " of this sweep"); }},
      {"first-after-return", after_return},
      {"deadline-over",
       [](const ArmStep& step) {
         return fmt::format("its deadline is over: it has waited since {} ms.",
                            shown(step.arrival));
       }},
      {"unsaid",
       [](const ArmStep& step) { return near(step, fmt::format("{} picks it", step.policy)); }}};
  return kWords;
}

}  // namespace

std::vector<std::string> disk_reasons(const Solved& solved) {
  std::vector<std::string> out;
  const Json choices = solved.answer.value("choices", Json::array());
  for (std::size_t i = 0; i < choices.size(); ++i) {
    ArmStep step{choices[i], solved.policy->name};
    std::string text;
    if (step.choice.contains("time")) {
      const auto request = solved.answer["order"][i].get<std::size_t>();
      step.arrival = as_number(solved.input()["requests"][request][0]);
      text = fmt::format("At {} ms: f", shown(as_number(step.choice["time"])));
    }
    text += fmt::format("{}rom {} to {}: ", text.empty() ? "F" : "", step.cylinder("from"),
                        step.cylinder("to"));
    const auto words = arm_words().find(step.choice["ground"].get<std::string>());
    if (words != arm_words().end()) out.push_back(text + words->second(step));
  }
  return out;
}

}  // namespace spindle::cli
