/** The script of the worker: large comparisons take longer than a page may stand still. */
import { answerTo, type Question } from './work'

self.onmessage = (event: MessageEvent<Question>) => self.postMessage(answerTo(event.data))
