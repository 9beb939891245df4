/* One visit of a client built on libetpan: PORT USER PASSWORD MAILBOX [UIDVALIDITY MODSEQ]. With
   the last two it comes back with QRESYNC and the cache read from stdin, "uid letters" lines.
   Prints UIDVALIDITY MODSEQ, then the cache. */
#include <libetpan/libetpan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kUidsMax = 10000 };
static char* cache[kUidsMax];

static void check(int result, const char* what) {
    if (result == MAILIMAP_NO_ERROR || result == MAILIMAP_NO_ERROR_AUTHENTICATED ||
        result == MAILIMAP_NO_ERROR_NON_AUTHENTICATED)
        return;
    fprintf(stderr, "%s: libetpan error %d\n", what, result);
    exit(1);
}

static const char* letter(struct mailimap_flag* flag) {
    switch (flag->fl_type) {
        case MAILIMAP_FLAG_ANSWERED:
            return "R";
        case MAILIMAP_FLAG_FLAGGED:
            return "F";
        case MAILIMAP_FLAG_DELETED:
            return "T";
        case MAILIMAP_FLAG_SEEN:
            return "S";
        case MAILIMAP_FLAG_DRAFT:
            return "D";
        default:
            return "";
    }
}

static void take(clist* messages) {
    if (messages == NULL) return;
    for (clistiter* at = clist_begin(messages); at != NULL; at = clist_next(at)) {
        struct mailimap_msg_att* message = clist_content(at);
        uint32_t uid = 0;
        char letters[64] = "";
        for (clistiter* it = clist_begin(message->att_list); it != NULL; it = clist_next(it)) {
            struct mailimap_msg_att_item* item = clist_content(it);
            if (item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC &&
                item->att_data.att_static->att_type == MAILIMAP_MSG_ATT_UID)
                uid = item->att_data.att_static->att_data.att_uid;
            if (item->att_type != MAILIMAP_MSG_ATT_ITEM_DYNAMIC ||
                item->att_data.att_dyn->att_list == NULL)
                continue;
            for (clistiter* f = clist_begin(item->att_data.att_dyn->att_list); f != NULL;
                 f = clist_next(f)) {
                struct mailimap_flag_fetch* flag = clist_content(f);
                if (flag->fl_type == MAILIMAP_FLAG_FETCH_OTHER && strlen(letters) < 60)
                    strcat(letters, letter(flag->fl_flag));
            }
        }
        if (uid == 0 || uid >= kUidsMax) exit(2);
        free(cache[uid]);
        cache[uid] = strdup(letters);
    }
}

static void forget(struct mailimap_set* gone) {
    for (clistiter* at = clist_begin(gone->set_list); at != NULL; at = clist_next(at)) {
        struct mailimap_set_item* range = clist_content(at);
        for (uint32_t uid = range->set_first; uid <= range->set_last && uid < kUidsMax; ++uid) {
            free(cache[uid]);
            cache[uid] = NULL;
        }
    }
}

static struct mailimap_fetch_type* wanted(void) {
    struct mailimap_fetch_type* items = mailimap_fetch_type_new_fetch_att_list_empty();
    mailimap_fetch_type_new_fetch_att_list_add(items, mailimap_fetch_att_new_uid());
    mailimap_fetch_type_new_fetch_att_list_add(items, mailimap_fetch_att_new_flags());
    return items;
}

int main(int argc, char** argv) {
    if (argc != 5 && argc != 7) return 2;
    mailimap* session = mailimap_new(0, NULL);
    check(mailimap_ssl_connect(session, "localhost", (uint16_t)atoi(argv[1])), "connect");
    check(mailimap_login(session, argv[2], argv[3]), "login");
    clist* names = clist_new();
    clist_append(names, mailimap_capability_new(MAILIMAP_CAPABILITY_NAME, NULL, strdup("QRESYNC")));
    struct mailimap_capability_data* enabled = NULL;
    check(mailimap_enable(session, mailimap_capability_data_new(names), &enabled), "enable");
    uint64_t modseq = 0;
    uint32_t from = 1;
    check(mailimap_select_condstore(session, argv[4], &modseq), "select");
    if (argc == 7) {
        char line[256];
        while (fgets(line, sizeof line, stdin) != NULL) {
            char letters[64] = "";
            uint32_t uid = 0;
            if (sscanf(line, "%u %63s", &uid, letters) < 1 || uid >= kUidsMax) return 2;
            cache[uid] = strdup(letters);
            from = uid + 1;
        }
        clist* changed = NULL;
        struct mailimap_qresync_vanished* vanished = NULL;
        // Not mailimap_select_qresync: version 1.9.4 leaves out the parentheses around QRESYNC.
        check(mailimap_uid_fetch_qresync(session, mailimap_set_new_interval(1, from - 1), wanted(),
                                         strtoull(argv[6], NULL, 10), &changed, &vanished),
              "fetch (changedsince vanished)");
        if (session->imap_selection_info->sel_uidvalidity != strtoul(argv[5], NULL, 10)) return 3;
        if (vanished != NULL) forget(vanished->qr_known_uids);
        take(changed);
        fprintf(stderr, "vanished: %s\n", vanished != NULL ? "yes" : "no");
    }
    clist* all = NULL;
    check(mailimap_uid_fetch(session, mailimap_set_new_interval(from, 0), wanted(), &all), "fetch");
    take(all);
    printf("%u %llu\n", session->imap_selection_info->sel_uidvalidity, (unsigned long long)modseq);
    for (uint32_t uid = 1; uid < kUidsMax; ++uid) {
        if (cache[uid] != NULL) printf("%u %s\n", uid, cache[uid]);
    }
    check(mailimap_logout(session), "logout");
    return 0;
}
