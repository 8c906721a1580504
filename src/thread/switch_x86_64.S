// The context switch for x86-64 (System V ABI).
//
// A call may clobber every register but rbx, rbp, r12-r15 and rsp, so those are all that a switch
// has to keep. MXCSR and the x87 control word stay as they are: threads share the modes of their
// kernel thread. Signal masks too: keeping them apart would cost a system call a switch.
#if defined(__x86_64__)

        .text

// void spindle_switch_context(void** from_sp /* rdi */, void* to_sp /* rsi */)
//
// The frame is the same on both stacks, so that the call frame information holds before and after
// the stack pointer moves. It leaves by a jump: the return predictor could only be wrong here.
        .globl  spindle_switch_context
        .type   spindle_switch_context, @function
        .p2align 4
spindle_switch_context:
        .cfi_startproc
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        pushq   %rbx
        .cfi_def_cfa_offset 24
        .cfi_offset %rbx, -24
        pushq   %r12
        .cfi_def_cfa_offset 32
        .cfi_offset %r12, -32
        pushq   %r13
        .cfi_def_cfa_offset 40
        .cfi_offset %r13, -40
        pushq   %r14
        .cfi_def_cfa_offset 48
        .cfi_offset %r14, -48
        pushq   %r15
        .cfi_def_cfa_offset 56
        .cfi_offset %r15, -56
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        .cfi_def_cfa_offset 48
        .cfi_restore %r15
        popq    %r14
        .cfi_def_cfa_offset 40
        .cfi_restore %r14
        popq    %r13
        .cfi_def_cfa_offset 32
        .cfi_restore %r13
        popq    %r12
        .cfi_def_cfa_offset 24
        .cfi_restore %r12
        popq    %rbx
        .cfi_def_cfa_offset 16
        .cfi_restore %rbx
        popq    %rbp
        .cfi_def_cfa_offset 8
        .cfi_restore %rbp
        popq    %rcx
        .cfi_def_cfa_offset 0
        .cfi_register %rip, %rcx
        jmp     *%rcx
        .cfi_endproc
        .size   spindle_switch_context, .-spindle_switch_context

// Where a new context begins: rbx holds its function. Unwinding ends here.
        .globl  spindle_start_context
        .type   spindle_start_context, @function
        .p2align 4
spindle_start_context:
        .cfi_startproc
        .cfi_undefined %rip
        xorl    %ebp, %ebp
        call    *%rbx
        ud2
        .cfi_endproc
        .size   spindle_start_context, .-spindle_start_context

#endif
        .section .note.GNU-stack, "", %progbits
