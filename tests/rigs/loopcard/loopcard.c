/* A sound card for alsa-lib where the kernel has none, as snd-aloop would be: 48 kHz, mono, 16 bit,
 * its microphone hears its loudspeaker. Sample n of both is that of the boot clock, in a ring that
 * all processes share; a playback that is closed takes back what was not played yet, as a card does.
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define RATE 48000
#define RING (1 << 19)
#define NOISE 33

struct card {
    snd_pcm_ioplug_t io;
    int16_t *ring;
    int16_t *waiting;
    int64_t zero;
    int running;
};

static int64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_BOOTTIME, &at);
    return (int64_t)at.tv_sec * RATE + (int64_t)at.tv_nsec * RATE / 1000000000;
}

static int16_t *sample(struct card *card, int64_t n) {
    return card->ring + (card->zero + n) % RING;
}

/* How far the recorder has written or read; avail_update asks for the same samples again. */
static int64_t done(struct card *card) {
    return (int64_t)card->io.appl_ptr;
}

static int playing(struct card *card) {
    return card->io.stream == SND_PCM_STREAM_PLAYBACK;
}

static int prepare(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    free(card->waiting);
    card->waiting = calloc(io->buffer_size, sizeof(int16_t));
    card->running = 0;
    return card->waiting ? 0 : -ENOMEM;
}

static int start(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    long period_ns = (long)(io->period_size * 1000000000 / RATE / 2);
    struct itimerspec every = {{0, period_ns}, {0, period_ns}};
    card->zero = now();
    card->running = 1;
    for (int64_t n = 0; playing(card) && n < done(card); n++)
        *sample(card, n) = card->waiting[n];
    return timerfd_settime(io->poll_fd, 0, &every, NULL);
}

static int stop(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    struct itimerspec never = {{0, 0}, {0, 0}};
    if (card->running && playing(card))
        for (int64_t n = now() - card->zero; n < done(card); n++)
            *sample(card, n) = 0;
    card->running = 0;
    return timerfd_settime(io->poll_fd, 0, &never, NULL);
}

static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    int64_t at = card->running ? now() - card->zero : 0;
    if (at > done(card) + (playing(card) ? 0 : (int64_t)io->buffer_size))
        return -EPIPE;
    return at;
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                  snd_pcm_uframes_t offset, snd_pcm_uframes_t size) {
    struct card *card = io->private_data;
    int16_t *theirs = (int16_t *)areas->addr + areas->first / 16 + offset;
    int64_t first = done(card);
    for (int64_t i = 0; i < (int64_t)size; i++) {
        if (!playing(card)) {
            theirs[i] = (int16_t)(*sample(card, first + i) + rand() % NOISE - NOISE / 2);
            *sample(card, first + i + RING / 2) = 0; /* long ago, and long ahead */
        } else if (card->running) {
            *sample(card, first + i) = theirs[i];
        } else {
            card->waiting[(first + i) % (int64_t)io->buffer_size] = theirs[i];
        }
    }
    return (snd_pcm_sframes_t)size;
}

static int revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count, unsigned short *out) {
    uint64_t ticks;
    snd_pcm_sframes_t room = snd_pcm_avail_update(io->pcm);
    (void)count;
    if (read(fds->fd, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
        return -errno;
    *out = room < 0 || room >= (snd_pcm_sframes_t)io->period_size
               ? (io->stream == SND_PCM_STREAM_PLAYBACK ? POLLOUT : POLLIN) : 0;
    return 0;
}

static int close_card(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    stop(io);
    close(io->poll_fd);
    munmap(card->ring, RING * sizeof(int16_t));
    free(card->waiting);
    free(card);
    return 0;
}

static const snd_pcm_ioplug_callback_t calls = {
    .prepare = prepare, .start = start, .stop = stop, .pointer = pointer, .transfer = transfer,
    .poll_revents = revents, .close = close_card,
};

static int limits(snd_pcm_ioplug_t *io) {
    unsigned int access[] = {SND_PCM_ACCESS_MMAP_INTERLEAVED, SND_PCM_ACCESS_RW_INTERLEAVED};
    unsigned int format[] = {SND_PCM_FORMAT_S16_LE};
    int bad = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, access);
    bad |= snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, format);
    bad |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, 1, 1);
    bad |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, RATE, RATE);
    bad |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64);
    bad |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 256, 1 << 15);
    bad |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 512, 1 << 17);
    return bad;
}

SND_PCM_PLUGIN_DEFINE_FUNC(loopcard) {
    snd_config_iterator_t at, next;
    const char *file = NULL;
    (void)root;
    snd_config_for_each(at, next, conf) {
        snd_config_t *entry = snd_config_iterator_entry(at);
        const char *id;
        if (snd_config_get_id(entry, &id) == 0 && strcmp(id, "file") == 0)
            snd_config_get_string(entry, &file);
    }
    int ring = file ? open(file, O_RDWR) : -1;
    struct card *card = calloc(1, sizeof *card);
    if (ring < 0 || !card || ftruncate(ring, RING * sizeof(int16_t)) < 0)
        return -ENODEV;
    card->ring = mmap(NULL, RING * sizeof(int16_t), PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
    close(ring);
    if (card->ring == MAP_FAILED)
        return -ENOMEM;
    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "a card that hears itself";
    card->io.callback = &calls;
    card->io.flags = SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
    card->io.private_data = card;
    card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    card->io.poll_events = POLLIN;
    int bad = snd_pcm_ioplug_create(&card->io, name, stream, mode);
    if (bad >= 0)
        bad = limits(&card->io);
    *pcmp = card->io.pcm;
    return bad;
}

SND_PCM_PLUGIN_SYMBOL(loopcard);
