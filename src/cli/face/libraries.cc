#include "cli/face/libraries.h"

#include <algorithm>

namespace spindle::cli {

const LibraryPolicies* libraries_of(const Form& form) {
  static const std::vector<LibraryPolicies> kDomains = {
      {"disk",
       PolicyKind::kArm,
       {"head", "cylinders", "direction", "seek_per_cylinder", "service_time"}},
      {"cpu",
       PolicyKind::kCpu,
       {"quantum", "requeue", "priority_order", "context_switch", "devices", "cpus", "queues",
        "migration", "migration_cost", "affinity"}},
      {"page-replacement", PolicyKind::kReplacement, {"frames", "count_cold"}},
      {"allocation", PolicyKind::kFit, {"holes", "fixed"}}};
  const auto has = [&form](std::string_view parameter) {
    return std::ranges::find(form.parameters(), parameter, &FaceParameter::name) !=
           form.parameters().end();
  };
  const std::string domain = form.domain({});
  for (const LibraryPolicies& libraries : kDomains)
    if (libraries.domain == domain && std::ranges::all_of(libraries.parameters, has))
      return &libraries;
  return nullptr;
}

}  // namespace spindle::cli
