#include "cli/face/bit_reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace spindle::cli {
namespace {

std::size_t number_or(const Json& parameters, std::string_view name, std::size_t fallback) {
  const auto number = static_cast<std::size_t>(number_or_zero(parameters, name));
  return number == 0 ? fallback : number;
}

std::string clears(const std::vector<std::string>& pages, std::string_view then) {
  if (pages.empty()) return {};
  return fmt::format("clears the {} of {}{}", pages.size() == 1 ? "bit" : "bits", listed(pages),
                     then);
}

}  // namespace

BitReasons::BitReasons(const Solved& solved) : policy_(solved.policy->name) {
  const Json& parameters = solved.parameters();
  const auto frames = parameters["frames"].get<std::size_t>();
  ticks_every_ = number_or(parameters, "tick", frames);
  window_ = number_or(parameters, "window", 4 * frames);
  counter_bits_ = number_or(parameters, "bits", 8);
  frames_.resize(std::min(frames, solved.input()["refs"].size()));
}

std::string BitReasons::why(std::size_t victim) {
  if (victim >= frames_.size()) return {};
  if (policy_ == "nru" || policy_ == "aging") return lowest_class(victim);
  if (policy_ == "enhanced-clock") return rounds_of_enhanced_clock(victim);
  if (policy_ == "wsclock") return round_of_wsclock(victim);
  return {};
}

void BitReasons::refer(std::size_t at, const std::string& page, bool is_load, bool writes) {
  if (at >= frames_.size()) return;
  ++now_;
  Frame& frame = frames_[at];
  if (is_load) frame = {.page = page, .last_use = now_};
  frame.used = true;
  frame.written = frame.written || writes;
  if (is_load && at == hand_) hand_ = (hand_ + 1) % frames_.size();
  if (now_ % ticks_every_ == 0 && (policy_ == "nru" || policy_ == "aging")) tick();
}

void BitReasons::tick() {
  for (Frame& frame : frames_) {
    frame.counter >>= 1;
    if (frame.used) frame.counter |= std::uint64_t{1} << (counter_bits_ - 1);
    frame.used = false;
  }
}

/// By what the policy compares the pages: the lowest goes.
std::uint64_t BitReasons::class_of(const Frame& frame) const {
  if (policy_ == "nru") return 2 * std::uint64_t{frame.used} + std::uint64_t{frame.written};
  return std::uint64_t{frame.used} << counter_bits_ | frame.counter;
}

std::string BitReasons::class_text(const Frame& frame) const {
  if (policy_ == "nru") return std::to_string(class_of(frame));
  return fmt::format("{} {:0{}b}", frame.used ? 1 : 0, frame.counter, counter_bits_);
}

std::string BitReasons::lowest_class(std::size_t victim) const {
  constexpr std::array<std::string_view, 4> kClasses = {
      "neither used nor written", "written, but not used", "used, but not written",
      "used and written"};
  const Frame& lowest = frames_[victim];
  std::vector<std::string> others;
  bool is_first_of_equals = false;
  for (const Frame& frame : frames_) {
    if (&frame == &lowest) continue;
    if (class_of(frame) < class_of(lowest)) return {};
    is_first_of_equals = is_first_of_equals || class_of(frame) == class_of(lowest);
    others.push_back(fmt::format("{}: {}", frame.page, class_text(frame)));
  }
  const std::string what =
      policy_ == "nru"
          ? fmt::format("its class is {}, {}", class_text(lowest), kClasses[class_of(lowest)])
          : fmt::format("its bit of this tick and its counter are {}", class_text(lowest));
  if (others.empty()) return what + "; there is no other.";
  return fmt::format("{}; none is lower{} ({}).", what,
                     is_first_of_equals ? ", and of equals it is in the first frame" : "",
                     fmt::join(others, ", "));
}

std::string BitReasons::rounds_of_enhanced_clock(std::size_t victim) {
  std::vector<std::string> cleared;
  for (int round = 0; round < 4; ++round)
    for (std::size_t step = 0; step < frames_.size();
         ++step, hand_ = (hand_ + 1) % frames_.size()) {
      Frame& frame = frames_[hand_];
      if (!frame.used && frame.written == (round % 2 == 1)) {
        if (hand_ != victim) return {};
        if (round == 0) return "the hand finds it neither used nor written.";
        if (round == 1)
          return fmt::format(
              "the first round finds none that is neither used nor written; the second {}finds it "
              "written, but not used.",
              clears(cleared, " and "));
        return fmt::format("all were used; the second round {}the {} finds it {}.",
                           clears(cleared, ", and "), round == 2 ? "third" : "fourth",
                           round == 2 ? "not written" : "written, as all are");
      }
      if (round == 1 && frame.used) cleared.push_back(frame.page);
      if (round == 1) frame.used = false;
    }
  return {};
}

std::string BitReasons::round_of_wsclock(std::size_t victim) {
  std::vector<std::string> cleared;
  std::optional<std::size_t> clean;
  const std::size_t start = hand_;
  for (std::size_t step = 0; step < frames_.size(); ++step) {
    const std::size_t at = (start + step) % frames_.size();
    Frame& frame = frames_[at];
    if (frame.used) {
      cleared.push_back(frame.page);
      frame.used = false;
      frame.last_use = now_;
      continue;
    }
    if (frame.written) continue;
    if (!clean) clean = at;
    if (now_ - frame.last_use <= window_) continue;
    hand_ = at;
    if (at != victim) return {};
    return fmt::format(
        "the hand {}finds it clean, its use last noted at reference {}, more than {} "
        "references ago.",
        clears(cleared, " and "), frame.last_use, window_);
  }
  hand_ = clean.value_or(start);
  if (hand_ != victim) return {};
  return fmt::format(
      "the hand {}finds no clean page whose use it noted more than {} references ago; {}.",
      clears(cleared, " and "), window_,
      clean ? "this is the first clean one whose bit was clear"
            : "no clean one had a clear bit either, and it takes the one where it stood");
}

}  // namespace spindle::cli
