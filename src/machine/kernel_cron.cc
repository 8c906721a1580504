// What the crontab starts.

#include "kernel.h"

namespace spindle {
namespace {

constexpr std::int64_t kSecond_ns = 1'000'000'000;
constexpr std::size_t kMostCrontab = 1u << 16;

}  // namespace

void Kernel::start_cron() {
  if (configuration.crontab.empty()) return;
  host.as_user(0, 0);
  const auto table = read_whole(host, configuration.crontab, kMostCrontab);
  if (!table.ok()) return;
  std::vector<std::string> complaints;
  cron_ = std::make_unique<Cron>(Cron::parse(*table, complaints));
  for (const std::string& complaint : complaints) say(nullptr, complaint + "\n");
  schedule_cron(-1);
}

void Kernel::schedule_cron(std::int64_t after) {
  if (const auto next = cron_->next(after, configuration.start_wall_seconds))
    agenda.add({*next * kSecond_ns}, AgendaEntry::Kind::kCron);
}

void Kernel::run_cron() {
  const std::int64_t second = now().ns / kSecond_ns;
  for (const CronJob* job : cron_->due(second, configuration.start_wall_seconds)) {
    StartRequest request;
    request.path = job->words[0];
    request.arguments.assign(job->words.begin() + 1, job->words.end());
    if (const auto started = start(request); !started.ok())
      say(nullptr, "cron: " + request.path + ": " + started.error().what + "\n");
  }
  schedule_cron(second);
}

}  // namespace spindle
