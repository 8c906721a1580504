// What the crontab starts.

#include "kernel.h"

namespace spindle {
namespace {

constexpr std::int64_t kMinuteSeconds = 60;
constexpr std::size_t kMostCrontab = 1u << 16;

}  // namespace

void Kernel::start_cron() {
  if (configuration.crontab.empty()) return;
  cron_ = std::make_unique<Cron>();
  read_crontab();
  schedule_cron(-1);
  agenda.add({kMinuteSeconds * kNsPerSecond}, AgendaEntry::Kind::kCrontab);
}

// False if it is unchanged. What is wrong with it is said each time that it is read.
bool Kernel::read_crontab() {
  host.as_user(0, 0);
  const auto found = host.lookup(configuration.crontab);
  const bool is_there = found.ok() && !found->is_directory;
  const bool is_known = is_there ? crontab_ && crontab_->id == found->id &&
                                       crontab_->version == found->version &&
                                       crontab_->size == found->size
                                 : !crontab_;
  if (is_known) return false;
  crontab_ = is_there ? std::optional(*found) : std::nullopt;
  const auto table = read_whole(host, configuration.crontab, kMostCrontab);
  std::vector<std::string> complaints;
  *cron_ = Cron::parse(table.ok() ? *table : std::string(), complaints);
  if (is_there && !table.ok())
    complaints.push_back(configuration.crontab + ": " + table.error().what);
  for (const std::string& complaint : complaints) say(nullptr, complaint + "\n");
  return true;
}

// At each minute, as crond does; what the new table has for this very second starts, too.
void Kernel::look_at_crontab() {
  agenda.add(now() + VirtualTime{kMinuteSeconds * kNsPerSecond}, AgendaEntry::Kind::kCrontab);
  if (read_crontab()) schedule_cron(now().ns / kNsPerSecond - 1);
}

void Kernel::schedule_cron(std::int64_t after) {
  cron_entry_ = 0;
  if (const auto next = cron_->next(after, configuration.start_wall_seconds))
    cron_entry_ = agenda.add({*next * kNsPerSecond}, AgendaEntry::Kind::kCron);
}

void Kernel::run_cron() {
  const std::int64_t second = now().ns / kNsPerSecond;
  read_crontab();
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
