// The guard of a loaded arm policy.

#include <algorithm>
#include <vector>

#include "arm_policies.h"
#include "plugins.h"

namespace spindle {
namespace {

constexpr std::size_t kMostTurns = 2;  // as TurningPoints holds

/// What the policy sees of the queue: wrong names do no harm, and its questions must end.
class GuardedRequests final : public WaitingRequests {
 public:
  explicit GuardedRequests(const WaitingRequests& all) : all_(all) {
    names_.reserve(all.size());
    names_.push_back(all.oldest());
    while (names_.size() < all.size()) names_.push_back(all.next_oldest(names_.back()));
  }

  /// In order of arrival names rise.
  [[nodiscard]] bool contains(std::size_t request) const {
    return std::ranges::binary_search(names_, request);
  }

  /// The request that the policy asked for although it is not there.
  [[nodiscard]] const std::optional<std::size_t>& unknown() const { return unknown_; }

  [[nodiscard]] std::size_t size() const override { return all_.size(); }
  [[nodiscard]] std::size_t oldest() const override { return all_.oldest(); }
  [[nodiscard]] Cylinder cylinder_of(std::size_t request) const override {
    return all_.cylinder_of(known(request));
  }
  [[nodiscard]] std::optional<std::size_t> nearest(Cylinder at, bool up,
                                                   std::size_t among) const override {
    count();
    return all_.nearest(at, up, among);
  }
  [[nodiscard]] std::size_t next_oldest(std::size_t request) const override {
    if (known(request) != names_.back()) return all_.next_oldest(known(request));
    // There is no request behind the last.
    if (!unknown_) unknown_ = request + 1;
    return names_.front();
  }
  [[nodiscard]] VirtualTime arrival_of(std::size_t request) const override {
    return all_.arrival_of(known(request));
  }
  [[nodiscard]] bool is_write(std::size_t request) const override {
    return all_.is_write(known(request));
  }
  [[nodiscard]] std::optional<VirtualTime> positioning_time(std::size_t request) const override {
    return all_.positioning_time(known(request));
  }

 private:
  /// Each request may be compared with each other one many times over.
  void count() const {
    if (++questions_ > 10'000 + 100 * all_.size() * all_.size()) throw EndlessQuestions();
  }

  /// The request; if it is not there, one that is.
  std::size_t known(std::size_t request) const {
    count();
    if (contains(request)) return request;
    if (!unknown_) unknown_ = request;
    return names_.front();
  }

  const WaitingRequests& all_;
  std::vector<std::size_t> names_;
  mutable std::uint64_t questions_ = 0;
  mutable std::optional<std::size_t> unknown_;
};

std::optional<std::string> fault_of(const ArmChoice& choice, const GuardedRequests& waiting,
                                    const ArmState& state) {
  if (!waiting.contains(choice.index))
    return "picked request " + std::to_string(choice.index) + ", which does not exist";
  if (choice.by_way_of.size() > kMostTurns) return "turned more than twice on its way";
  std::uint64_t way = 0;
  Cylinder at = state.at;
  for (const Cylinder turn : choice.by_way_of) {
    if (turn.value >= state.cylinders)
      return "turned at cylinder " + std::to_string(turn.value) + " of a disk with " +
             std::to_string(state.cylinders);
    way += arm_distance(at, turn);
    at = turn;
  }
  way += arm_distance(at, waiting.cylinder_of(choice.index));
  if (choice.return_distance > way) return "returned over more cylinders than it moved";
  if (arm_ground_name(choice.ground).empty()) return "gave a ground that does not exist";
  return std::nullopt;
}

class GuardedArm final : public ArmPolicy {
 public:
  GuardedArm(const Plugin& plugin, const ArmConventions& conventions)
      : plugin_(plugin), plainest_(make_fcfs_arm(conventions)) {
    const auto& registration = *static_cast<const plugin::ArmRegistration*>(plugin.registration);
    if (const auto why = own_.make([&] { return registration.make(conventions); })) replace(*why);
  }

  [[nodiscard]] std::string_view name() const override {
    return is_replaced_ ? plainest_->name() : plugin_.name;
  }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    if (is_replaced_) return plainest_->choose(waiting, state);
    ArmChoice choice;
    const GuardedRequests guarded(waiting);
    std::optional<std::string> why = own_.ask([&] { choice = own_->choose(guarded, state); });
    if (!why && guarded.unknown())
      why = "asked for request " + std::to_string(*guarded.unknown()) + ", which does not exist";
    if (!why) why = fault_of(choice, guarded, state);
    if (!why) return choice;
    replace(*why);
    return plainest_->choose(waiting, state);
  }

 private:
  void replace(std::string_view why) {
    is_replaced_ = true;
    report_misbehaviour(plugin_, why, plainest_->name());
  }

  const Plugin& plugin_;
  OwnPolicy<ArmPolicy> own_{plugin_.library};
  std::unique_ptr<ArmPolicy> plainest_;
  bool is_replaced_ = false;
};

}  // namespace

std::unique_ptr<ArmPolicy> make_guarded_arm(const Plugin& plugin,
                                            const ArmConventions& conventions) {
  return std::make_unique<GuardedArm>(plugin, conventions);
}

}  // namespace spindle
