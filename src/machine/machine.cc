#include "spindle/machine/machine.h"

#include "kernel.h"
#include "paging.h"

namespace spindle {

Machine::Machine(std::unique_ptr<Kernel> kernel) : kernel_(std::move(kernel)) {}
Machine::~Machine() = default;

Result<std::unique_ptr<Machine>> Machine::create(const MachineConfiguration& configuration,
                                                 MachineHost& host) {
  return std::unique_ptr<Machine>(new Machine(TRY(Kernel::create(configuration, host))));
}

Result<ProcessNumber> Machine::start(const StartRequest& request) {
  return kernel_->start(request);
}

const std::string& Machine::last_message() const {
  return kernel_->last_message;
}

void Machine::on_console(std::function<void(std::string_view)> write) {
  kernel_->console = std::move(write);
}

std::size_t Machine::type(int terminal, std::string_view text, bool at_end) {
  return kernel_->type(terminal, text, at_end);
}

void Machine::clear_terminal(int terminal) {
  kernel_->clear_terminal(terminal);
}

std::string Machine::take_output(int terminal) {
  return kernel_->take_output(terminal);
}

const MemoryManager& Machine::memory() const {
  return kernel_->paging->memory();
}

Result<> Machine::set_replacement(std::string_view name) {
  TRY(kernel_->paging->memory().set_replacement(name));
  kernel_->configuration.memory.replacement = name;
  return {};
}

Result<> Machine::set_allotment(std::string_view name) {
  TRY(kernel_->paging->memory().set_allotment(name));
  kernel_->configuration.memory.allotment = name;
  return {};
}

Result<> Machine::set_swap_bytes(std::uint64_t bytes) {
  TRY(kernel_->paging->set_swap_bytes(bytes));
  kernel_->configuration.memory.swap_bytes = bytes;
  return {};
}

Result<> Machine::set_tlb(const MemoryConfiguration::Tlb& tlb) {
  TRY(kernel_->paging->memory().set_tlb(tlb));
  kernel_->configuration.memory.tlb = tlb;
  return {};
}

const std::vector<ArmMove>& Machine::arm_moves() const {
  return kernel_->disk->arm_moves();
}

const std::vector<ProcessRecord>& Machine::records() const {
  return kernel_->records.entries();
}

VirtualTime Machine::now() const {
  return kernel_->now();
}

void Machine::run_until(VirtualTime time) {
  kernel_->run_until(time);
}

bool Machine::step() {
  return kernel_->step();
}

std::optional<VirtualTime> Machine::next_event() const {
  return kernel_->next_event();
}

bool Machine::finished() const {
  return kernel_->finished();
}

bool Machine::stuck() const {
  return kernel_->stuck();
}

std::vector<ProcessNumber> Machine::processes() const {
  std::vector<ProcessNumber> numbers;
  for (const auto& [number, process] : kernel_->processes)
    if (kernel_->has_arrived(*process)) numbers.push_back(number);
  return numbers;
}

ProcessNumber Machine::process_of(ProcessNumber number) const {
  const Thread* thread = kernel_->find_thread(number);
  return thread == nullptr ? 0 : thread->process->id;
}

SystemSnapshot Machine::snapshot_system() const {
  return kernel_->snapshot_system();
}

Result<ProcessSnapshot> Machine::snapshot_process(ProcessNumber process, WithAreas areas) const {
  return kernel_->snapshot_process(process, areas);
}

const EventRing& Machine::events() const {
  return kernel_->events;
}

const MachineConfiguration& Machine::configuration() const {
  return kernel_->configuration;
}

Result<> Machine::kill(ProcessNumber process, int signal, std::uint32_t by) {
  TRY(kernel_->kill(process, signal, by));
  kernel_->note_change();
  return {};
}

Result<> Machine::set_nice(ProcessNumber process, int nice, std::uint32_t by) {
  TRY(kernel_->set_nice(process, nice, by));
  kernel_->note_change();
  return {};
}

Result<> Machine::set_scheduling(ProcessNumber process, SchedulingClass scheduling,
                                 int realtime_priority, std::uint32_t by) {
  TRY(kernel_->set_scheduling(process, scheduling, realtime_priority, by));
  kernel_->note_change();
  return {};
}

Result<> Machine::set_io_priority(ProcessNumber process, IoPriority priority, std::uint32_t by) {
  return kernel_->set_io_priority(process, priority, by);
}

Result<> Machine::set_cpus(ProcessNumber process, std::uint64_t cpus, std::uint32_t by) {
  TRY(kernel_->set_cpus(process, cpus, by));
  kernel_->note_change();
  return {};
}

Result<> Machine::set_traced(ProcessNumber process, bool traced, std::uint32_t by) {
  TRY(kernel_->permitted(process, by))->process->is_traced = traced;
  return {};
}

Result<> Machine::set_limit(ProcessNumber process, std::string_view limit, std::uint64_t value,
                            std::uint32_t by) {
  return kernel_->set_limit(process, limit, value, by);
}

Result<> Machine::set_cpu_policy(std::string_view name) {
  return kernel_->set_cpu_policy(name, kernel_->configuration.cpu_conventions);
}

Result<> Machine::set_quantum(VirtualTime quantum) {
  CpuConventions conventions = kernel_->configuration.cpu_conventions;
  conventions.quantum = quantum;
  return kernel_->set_cpu_policy(kernel_->configuration.cpu_policy, conventions);
}

Result<> Machine::set_seed(std::uint64_t seed) {
  kernel_->configuration.seed = seed;
  kernel_->random = Random(seed);
  return set_cpu_policy(kernel_->configuration.cpu_policy);
}

Result<> Machine::set_deadlock_strategy(DeadlockStrategy strategy) {
  kernel_->configuration.deadlock = strategy;
  kernel_->synchronisation.resources.reconsider();
  kernel_->grant_resources();
  kernel_->forget_reports();
  kernel_->look_for_deadlocks();
  kernel_->note_change();
  return {};
}

Result<> Machine::set_device_mode(DeviceMode mode) {
  kernel_->configuration.device_mode = mode;
  return {};
}

Result<> Machine::set_arm_policy(std::string_view name) {
  TRY(kernel_->disk->set_arm_policy(name));
  kernel_->configuration.arm_policy = name;
  return {};
}

Result<> Machine::set_disk(std::string_view preset) {
  TRY(kernel_->disk->set_disk(preset));
  kernel_->configuration.disk = preset;
  return {};
}

}  // namespace spindle
