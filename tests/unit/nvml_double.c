/* A double of NVIDIA's libnvidia-ml and libcuda, for tests on machines without a GPU. It stands where hardware would.
 *
 * It tells what the file NVML_DOUBLE, or /etc/nvml-double, says, one thing a line:
 *
 *     init 0                  code of nvmlInit_v2
 *     hang 60                 seconds before nvmlInit_v2 returns
 *     cuInit 0                code of cuInit
 *     driver 590.48.01
 *     cuda 13010
 *     gpu GPU-...             a GPU; the lines below are about it
 *     mig MIG-...             one of its slices
 *     lost 15                 code of asking for it
 *     nodes                   as the real library, want /dev/nvidiactl, and tell only of GPUs that have their node
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CARDS = 16, SLICES = 7, WORD = 96, UNKNOWN_ERROR = 999, INVALID_ARGUMENT = 2, NOT_FOUND = 6 };

struct slice { char uuid[WORD]; };
struct card { char uuid[WORD]; int lost, slices; struct slice slice[SLICES]; };

static struct card cards[CARDS];
static int count, init_code, hang, cuda_code, cuda_version, wants_nodes;
static char driver[WORD];

static void read_file(void) {
    const char *path = getenv("NVML_DOUBLE");
    FILE *file = fopen(path ? path : "/etc/nvml-double", "r");
    char key[WORD], value[WORD], line[2 * WORD];
    count = init_code = hang = cuda_code = cuda_version = wants_nodes = 0;
    while (file && fgets(line, sizeof line, file)) {
        int words = sscanf(line, "%95s %95s", key, value);
        struct card *last = count ? &cards[count - 1] : NULL;
        if (words == 1 && !strcmp(key, "nodes")) wants_nodes = 1;
        if (words < 2) continue;
        if (!strcmp(key, "init")) init_code = atoi(value);
        else if (!strcmp(key, "hang")) hang = atoi(value);
        else if (!strcmp(key, "cuInit")) cuda_code = atoi(value);
        else if (!strcmp(key, "driver")) strcpy(driver, value);
        else if (!strcmp(key, "cuda")) cuda_version = atoi(value);
        else if (!strcmp(key, "gpu") && count < CARDS) {
            memset(&cards[count], 0, sizeof cards[count]);
            strcpy(cards[count++].uuid, value);
        } else if (!strcmp(key, "mig") && last && last->slices < SLICES) strcpy(last->slice[last->slices++].uuid, value);
        else if (!strcmp(key, "lost") && last) last->lost = atoi(value);
    }
    if (file) fclose(file);
}

static int has_node(int number) {
    char path[WORD];
    snprintf(path, sizeof path, "/dev/nvidia%d", number);
    return access(path, F_OK) == 0;
}

static void keep_those_with_nodes(void) {
    int kept = 0;
    for (int n = 0; n < count; n++)
        if (has_node(n)) cards[kept++] = cards[n];
    count = kept;
}

int nvmlInit_v2(void) {
    read_file();
    sleep(hang);
    if (wants_nodes && !init_code) {
        /* There is no driver behind any node where this double is used, so ENXIO counts as open. */
        int node = open("/dev/nvidiactl", O_RDWR);
        if (node < 0 && errno != ENXIO) return UNKNOWN_ERROR;
        if (node >= 0) close(node);
        keep_those_with_nodes();
    }
    return init_code;
}

int nvmlShutdown(void) { return 0; }

const char *nvmlErrorString(int code) {
    switch (code) {
    case 0: return "Success";
    case 4: return "Insufficient Permissions";
    case 9: return "Driver Not Loaded";
    case 15: return "GPU is lost";
    case 17: return "GPU access blocked by the operating system";
    case 18: return "Driver/library version mismatch";
    default: return "Unknown Error";
    }
}

static int copy(const char *text, char *buffer, unsigned length) {
    if (strlen(text) + 1 > length) return INVALID_ARGUMENT;
    strcpy(buffer, text);
    return 0;
}

int nvmlSystemGetDriverVersion(char *buffer, unsigned length) { return copy(driver, buffer, length); }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = cuda_version; return 0; }
int nvmlDeviceGetCount_v2(unsigned *number) { *number = count; return 0; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    if (index >= (unsigned)count) return INVALID_ARGUMENT;
    *handle = &cards[index];
    return cards[index].lost;
}

/* A card and a slice both begin with their UUID. */
int nvmlDeviceGetUUID(void *handle, char *buffer, unsigned length) { return copy(handle, buffer, length); }
int nvmlDeviceGetName(void *handle, char *buffer, unsigned length) { return copy("Double of a GPU", buffer, length); }

int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    *current = *pending = ((struct card *)handle)->slices > 0;
    return 0;
}

int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned *number) { (void)handle; *number = SLICES; return 0; }

int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned index, void **slice) {
    struct card *card = handle;
    if (index >= (unsigned)card->slices) return NOT_FOUND;
    *slice = &card->slice[index];
    return 0;
}

int cuInit(unsigned flags) { (void)flags; read_file(); return cuda_code; }
