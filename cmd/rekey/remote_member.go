package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/support"
)

func memberPath(id int64, rest string) string { return fmt.Sprintf("/members/%d%s", id, rest) }

func (r *remote) FindMembers(ctx context.Context, text string) ([]support.Found, error) {
	answer, _, err := send[api.MembersFound](ctx, r, http.MethodPost, "/members/find", api.MemberSearch{Member: text})
	return nouns[support.Found](answer.Members), err
}

func (r *remote) Member(ctx context.Context, id int64) (memberRow, error) {
	row, err := fetch[api.Member, memberRow](ctx, r, http.MethodGet, memberPath(id, ""), nil)
	return row.whole(), err
}

func (r *remote) SendLink(ctx context.Context, id int64) (time.Duration, error) {
	answer, _, err := send[api.LinkSent](ctx, r, http.MethodPost, memberPath(id, "/link"), nil)
	return time.Duration(answer.WaitsSeconds) * time.Second, err
}

func (r *remote) SpeakCode(ctx context.Context, id int64, i support.Identity, reason string) (outcome[support.Code], error) {
	return act[api.SpokenCode, support.Code](ctx, r, http.MethodPost, memberPath(id, "/code"), api.CodeRequest{Proof: i.Proof, Note: i.Note, Reason: reason})
}

func (r *remote) TakeCode(ctx context.Context, request int64) (support.Code, error) {
	return fetch[api.SpokenCode, support.Code](ctx, r, http.MethodPost, approvalPath(request, "/code"), nil)
}

func (r *remote) MarkAddress(ctx context.Context, id int64, dead bool) error {
	method := http.MethodPost
	if !dead {
		method = http.MethodDelete
	}
	_, _, err := send[api.AddressMarked](ctx, r, method, memberPath(id, "/dead-address"), nil)
	return err
}
