/* A stand-in for libnvidia-ml.so.1 with the few functions that are called, of
 * which the layouts are those of NVIDIA's nvml.h. What it is like is chosen
 * when it is compiled:
 *   INIT        what nvmlInit_v2 returns (0, 9 not loaded, 18 mismatch ...)
 *   HANG        a call that never returns
 *   NO_MIG      a driver from before MIG, without its functions
 *   LOST        the second GPU has fallen off its bus
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef int ret;
enum { OK = 0, INVALID = 2, UNSUPPORTED = 3, NOT_FOUND = 6, GPU_IS_LOST = 15 };

typedef struct { int number; int mig; } device;
typedef struct {
    char legacy[16];
    unsigned domain, bus, dev, id, subsystem;
    char bus_id[32];
} pci;
typedef struct {
    unsigned field, scope;
    long long timestamp, latency;
    unsigned type;
    ret result;
    union { double d; unsigned u; unsigned long long ull; } value;
} field;

/* An A100 with three MIG devices at gaps, one without, and a T4. */
static device gpus[] = {{0, -1}, {1, -1}, {2, -1}};
static device migs[] = {{0, 0}, {0, 2}, {0, 5}};

#ifndef INIT
#define INIT 0
#endif

ret nvmlInit_v2(void) {
#ifdef HANG
    for (;;) pause();
#endif
    return INIT;
}
ret nvmlShutdown(void) { return OK; }
ret nvmlSystemGetDriverVersion(char *to, unsigned size) { snprintf(to, size, "580.95.05"); return OK; }
ret nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return OK; }
ret nvmlDeviceGetHandleByIndex_v2(unsigned index, device **to) {
    if (index > 2) return INVALID;
#ifdef LOST
    if (index == 1) return GPU_IS_LOST;
#endif
    *to = &gpus[index];
    return OK;
}
ret nvmlDeviceGetUUID(device *gpu, char *to, unsigned size) { snprintf(to, size, "GPU-%d", gpu->number); return OK; }
ret nvmlDeviceGetMinorNumber(device *gpu, unsigned *to) { *to = 7 - gpu->number; return OK; }
ret nvmlDeviceGetPciInfo_v3(device *gpu, pci *to) {
    memset(to, 0, sizeof *to);
    snprintf(to->bus_id, sizeof to->bus_id, "00000000:%02X:00.0", 0x17 + gpu->number);
    snprintf(to->legacy, sizeof to->legacy, "0000:%02X:00.0", 0x17 + gpu->number);
    return OK;
}
ret nvmlDeviceGetName(device *gpu, char *to, unsigned size) {
    if (gpu->mig < 0) snprintf(to, size, "NVIDIA A100-SXM4-40GB");
    else snprintf(to, size, "NVIDIA A100-SXM4-40GB MIG %s", gpu->mig == 5 ? "3g.20gb" : "1g.5gb+me");
    return OK;
}
#ifndef NO_MIG
ret nvmlDeviceGetMigMode(device *gpu, unsigned *current, unsigned *pending) {
    if (gpu->number == 2) return UNSUPPORTED;
    *current = gpu->number == 0;
    *pending = 1;
    return OK;
}
ret nvmlDeviceGetMaxMigDeviceCount(device *gpu, unsigned *count) { *count = 7; return OK; }
ret nvmlDeviceGetMigDeviceHandleByIndex(device *gpu, unsigned index, device **to) {
    for (int i = 0; i < 3; i++) if (migs[i].mig == (int) index) { *to = &migs[i]; return OK; }
    return NOT_FOUND;
}
#endif
ret nvmlDeviceGetEccMode(device *gpu, unsigned *current, unsigned *pending) {
    if (gpu->number == 2) return UNSUPPORTED;
    *current = *pending = gpu->number == 0;
    return OK;
}
ret nvmlDeviceGetTotalEccErrors(device *gpu, unsigned type, unsigned counter, unsigned long long *to) {
    if (gpu->number != 0) return UNSUPPORTED;
    *to = type == 1 && counter == 0 ? 4 : 1000;
    return OK;
}
ret nvmlDeviceGetRetiredPagesPendingStatus(device *gpu, unsigned *to) {
    if (gpu->number != 2) return UNSUPPORTED;
    *to = 1;
    return OK;
}
ret nvmlDeviceGetFieldValues(device *gpu, int count, field *to) {
    for (int i = 0; i < count; i++) {
        to[i].type = 1;
        to[i].result = gpu->number == 2 ? UNSUPPORTED : OK;
        to[i].value.u = gpu->number == 0 && to[i].field == 144;
    }
    return OK;
}
