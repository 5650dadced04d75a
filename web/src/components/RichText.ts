import type { FunctionalComponent, VNodeChild } from 'vue'
import { t } from '@/language/translate'

/** A translated text with markup inside: each of its `{names}` is the slot of that name. The text itself is plain. */
export const RichText: FunctionalComponent<{ text: string }> = (props, { slots }) =>
  t(props.text)
    .split(/\{(\w+)\}/)
    .map((part, index): VNodeChild => (index % 2 === 0 ? part : slots[part]?.()))
RichText.props = ['text']
