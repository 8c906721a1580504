// Stands for AddressSanitizer's own library.
extern "C" void __asan_init() {}
