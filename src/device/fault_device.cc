#include "spindle/device/fault_device.h"

namespace spindle {
namespace {

bool overlap(Run a, Run b) {
  return a.start.value < b.start.value ? b.start - a.start < a.length
                                       : a.start - b.start < b.length;
}

}  // namespace

int FaultDevice::strike(FaultRule::On what, Run run) {
  for (FaultRule& rule : rules_) {
    if ((rule.on & what) == 0 || rule.times == 0) continue;
    if (what != FaultRule::kFlushes && !overlap(rule.where, run)) continue;
    if (rule.skip != 0) {
      --rule.skip;
      continue;
    }
    if (!random_.one_in(rule.one_in)) continue;
    if (rule.times != FaultRule::kForever) --rule.times;
    ++faults_;
    return rule.code;
  }
  return 0;
}

Result<> FaultDevice::submit(std::span<const IoRequest> batch) {
  for (const IoRequest& request : batch) TRY(check_request(*this, request));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const IoRequest& request = batch[i];
    const bool reads = request.kind == IoRequest::Kind::kRead;
    const Run run{request.start, request.bytes() / block_size()};
    const int code = strike(reads ? FaultRule::kReads : FaultRule::kWrites, run);
    if (code == 0) continue;
    if (i != 0) TRY(backing_.submit(batch.first(i)));
    return Error{code, reads ? "an injected read fault" : "an injected write fault",
                 Subject::block(request.start)};
  }
  return backing_.submit(batch);
}

Result<> FaultDevice::flush() {
  if (const int code = strike(FaultRule::kFlushes, {}))
    return Error{code, "an injected flush fault"};
  return backing_.flush();
}

}  // namespace spindle
