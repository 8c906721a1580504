#include "calls.h"

#include <array>

namespace spindle {
namespace {

using Call = SystemCall;

struct Row {
  Call call;
  CallHandler handler;
};
constexpr Row kRows[] = {
    {Call::kCompute, call_compute},
    {Call::kExit, call_exit},
    {Call::kExitThread, call_exit_thread},
    {Call::kFork, call_fork},
    {Call::kThread, call_thread},
    {Call::kExec, call_exec},
    {Call::kWait, call_wait},
    {Call::kJoin, call_join},
    {Call::kGetProcess, call_identity},
    {Call::kSetGroup, call_set_group},
    {Call::kSetSession, call_set_session},
    {Call::kSleep, call_sleep},
    {Call::kYield, call_yield},
    {Call::kTime, call_time},
    {Call::kPrint, call_print},
    {Call::kKill, call_kill},
    {Call::kSignal, call_signal},
    {Call::kSignalMask, call_signal_mask},
    {Call::kPause, call_pause},
    {Call::kAlarm, call_alarm},
    {Call::kNice, call_nice},
    {Call::kSetScheduler, call_scheduler},
    {Call::kSetAffinity, call_affinity},
    {Call::kLimit, call_limit},
    {Call::kSemaphoreOpen, call_semaphore_open},
    {Call::kSemaphoreWait, call_semaphore_wait},
    {Call::kSemaphoreTryWait, call_semaphore_try},
    {Call::kSemaphorePost, call_semaphore_post},
    {Call::kMutexLock, call_mutex_lock},
    {Call::kMutexTryLock, call_mutex_try},
    {Call::kMutexUnlock, call_mutex_unlock},
    {Call::kConditionWait, call_condition_wait},
    {Call::kConditionSignal, call_condition_signal},
    {Call::kConditionBroadcast, call_condition_broadcast},
    {Call::kMonitorOpen, call_monitor_open},
    {Call::kMonitorEnter, call_mutex_lock},
    {Call::kMonitorLeave, call_mutex_unlock},
    {Call::kQueueOpen, call_queue_open},
    {Call::kQueueSend, call_queue_send},
    {Call::kQueueReceive, call_queue_receive},
    {Call::kResourceOpen, call_resource_open},
    {Call::kResourceClaim, call_claim},
    {Call::kResourceRequest, call_request},
    {Call::kResourceRelease, call_release},
    {Call::kOpen, call_open},
    {Call::kClose, call_close},
    {Call::kRead, call_read},
    {Call::kWrite, call_write},
    {Call::kSeek, call_seek},
    {Call::kStatus, call_status},
    {Call::kTruncate, call_truncate},
    {Call::kRemove, call_remove},
    {Call::kRename, call_rename},
    {Call::kMakeDirectory, call_make_directory},
    {Call::kList, call_list},
    {Call::kChangeDirectory, call_change_directory},
    {Call::kPipe, call_pipe},
    {Call::kDuplicate, call_duplicate},
    {Call::kMap, call_map},
    {Call::kUnmap, call_unmap},
    {Call::kProtect, call_protect},
    {Call::kBreak, call_break},
    {Call::kProcesses, call_processes},
    {Call::kDoFile, call_do_file},
    {Call::kLink, call_link},
    {Call::kChangeMode, call_change_mode},
    {Call::kSetTimes, call_set_times},
    {Call::kUmask, call_umask},
    {Call::kSetIoPriority, call_io_priority},
    {Call::kLinkStatus, call_link_status},
    {Call::kMakeLink, call_make_link},
    {Call::kReadLink, call_read_link},
    {Call::kTouch, call_touch},
    {Call::kLoad, call_load},
    {Call::kStore, call_store},
    {Call::kSharedMemory, call_shared_memory},
    {Call::kSharedMemoryRemove, call_shared_memory_remove},
};

constexpr auto make_table() {
  std::array<CallHandler, static_cast<std::size_t>(Call::kReadLink) + 1> table{};
  for (const Row& row : kRows) table[static_cast<std::size_t>(row.call)] = row.handler;
  return table;
}
constexpr auto kTable = make_table();

}  // namespace

CallHandler handler_of(SystemCall call) {
  return kTable[static_cast<std::size_t>(call)];
}

}  // namespace spindle
